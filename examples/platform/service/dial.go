package service

import (
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// Dial returns a connection from the service of that name to another, which
// relays the token of the call in whose context it is used. Nothing goes out
// without a token: everything here is done on behalf of some user.
//
// It connects when first used, so the other service need not be there yet.
func Dial(name, addr string, transport credentials.TransportCredentials, logger *slog.Logger) (*grpc.ClientConn, error) {
	relay, err := interceptor.NewClient(
		interceptor.Name(name),
		interceptor.WithObserver(interceptor.LogRefusals(logger)),
		interceptor.VerifiedOnly(),
		interceptor.RequireToken(),
	)
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(addr,
		append([]grpc.DialOption{grpc.WithTransportCredentials(transport)}, relay.DialOptions()...)...)
}
