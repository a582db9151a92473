package contender

import (
	"context"
	"slices"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// callerKey is where peers leave the caller in the context.
type callerKey struct{}

// guard is the interceptor of every peer: go-grpc-middleware's, as its example
// shows it.
func guard(peer Contender, scope string) grpc.UnaryServerInterceptor {
	return auth.UnaryServerInterceptor(func(ctx context.Context) (context.Context, error) {
		raw, err := auth.AuthFromMD(ctx, "bearer")
		if err != nil {
			return nil, err
		}
		caller, err := peer.Verify(ctx, raw)
		if err != nil {
			return nil, status.Error(codes.Unauthenticated, "invalid token")
		}
		if !slices.Contains(caller.Scopes, scope) {
			return nil, status.Error(codes.PermissionDenied, errScopeMissing.Error())
		}
		return context.WithValue(ctx, callerKey{}, caller), nil
	})
}
