package main

import (
	"fmt"
	"log/slog"

	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// dialUpstream returns a connection to the upstream that relays the token of
// the call in whose context it is used.
//
// Without -upstream-ca it is plaintext, and then the relay refuses to send
// anything unless -upstream-plaintext allows it.
func dialUpstream(config config, logger *slog.Logger) (*grpc.ClientConn, error) {
	options := []interceptor.ClientOption{
		interceptor.Name(config.name),
		interceptor.WithObserver(interceptor.LogRefusals(logger)),
	}
	if config.upstreamPlaintext {
		options = append(options, interceptor.AllowPlaintext())
	}
	client, err := interceptor.NewClient(options...)
	if err != nil {
		return nil, err
	}
	transport, err := upstreamTransport(config)
	if err != nil {
		return nil, err
	}
	connection, err := grpc.NewClient(config.upstream,
		append([]grpc.DialOption{grpc.WithTransportCredentials(transport)}, client.DialOptions()...)...)
	if err != nil {
		return nil, fmt.Errorf("-upstream: %w", err)
	}
	return connection, nil
}
