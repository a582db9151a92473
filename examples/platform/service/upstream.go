package service

import (
	"context"

	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// answering returns interceptors that answer for the services behind: that one
// of them does not accept a token which was good here is nothing that the user
// could mend by logging in again. They belong behind those that verify, whose
// own refusals are for the user.
func answering() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			response, err := next(ctx, req)
			return response, interceptor.AsUpstream(err)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			return interceptor.AsUpstream(next(srv, stream))
		}),
	}
}
