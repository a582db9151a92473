package middleware

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/token"
)

// decidedUnary lets unary calls pass that somebody decided on.
func decidedUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err := decided(ctx); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

// decidedStream lets streams pass that somebody decided on.
func decidedStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := decided(stream.Context()); err != nil {
		return err
	}
	return handler(srv, stream)
}

// decided refuses a call on which nobody decided, because its service has an
// AuthFuncOverride that asks nobody. That is this service's mistake and not the
// caller's, so it is Internal, which is logged as an error.
func decided(ctx context.Context) error {
	caller, ok := token.Decided(ctx)
	if !ok {
		return status.Error(codes.Internal, "nobody decided whether this call may go on")
	}
	if caller != nil {
		addCaller(ctx, caller)
	}
	return nil
}
