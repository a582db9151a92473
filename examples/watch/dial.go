package main

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	watchv1 "github.com/jwtrelay/jwtrelay/examples/gen/watch/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
)

// What a connection is asked for when nothing comes: where a link dies without a
// word, a watch would wait on it for ever. Servers of gRPC don't put up with less
// than 5 minutes, unless told to.
const (
	quiet  = 6 * time.Minute
	answer = 20 * time.Second
)

// dial returns a connection whose calls carry the tokens of source, each the one
// that it gives then. Without a token nothing goes out, nor without TLS.
func dial(target string, source interceptor.Source, options []grpc.DialOption, logger *slog.Logger) (*grpc.ClientConn, error) {
	client, err := interceptor.NewClient(
		interceptor.Name("watcher"),
		interceptor.WithSource(source),
		interceptor.RequireToken(),
		interceptor.WithObserver(interceptor.LogRefusals(logger)),
	)
	if err != nil {
		return nil, err
	}
	options = append(options[:len(options):len(options)],
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: quiet, Timeout: answer}))
	return grpc.NewClient(target, append(options, client.DialOptions()...)...)
}

// watching returns how a [Watcher] opens streams over a connection of dial's.
func watching(conn *grpc.ClientConn) func(context.Context, uint64) (grpc.ServerStreamingClient[watchv1.WatchResponse], error) {
	client := watchv1.NewWatchServiceClient(conn)
	return func(ctx context.Context, after uint64) (grpc.ServerStreamingClient[watchv1.WatchResponse], error) {
		return client.Watch(ctx, &watchv1.WatchRequest{After: after})
	}
}
