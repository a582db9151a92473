package main

import (
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// One connection would do for both kinds of work: what goes out with a call is
// decided by its context. Two are safer. The consumer's knows nothing of the
// service's own credential, so whatever mistake is made with a user's job, it
// can't be done with more than the user may do.

// dialForUsers returns a connection for calls in the contexts of users' jobs.
// Without a user's token nothing goes out.
func dialForUsers(target string, options []grpc.DialOption, logger *slog.Logger) (*grpc.ClientConn, error) {
	return dial(target, options, logger)
}

// dialAsItself returns a connection for calls that are the service's own. One
// in the context of somebody's job still carries that user's token, or nothing.
func dialAsItself(target string, options []grpc.DialOption, logger *slog.Logger, own credentials.PerRPCCredentials) (*grpc.ClientConn, error) {
	return dial(target, options, logger, interceptor.Otherwise(own))
}

// dial returns a connection with a relay, which comes behind all other options.
func dial(target string, options []grpc.DialOption, logger *slog.Logger, more ...interceptor.ClientOption) (*grpc.ClientConn, error) {
	relay, err := interceptor.NewClient(append([]interceptor.ClientOption{
		interceptor.Name(workerName),
		interceptor.VerifiedOnly(),
		interceptor.RequireToken(), // a job without anybody is a mistake
		interceptor.WithObserver(interceptor.LogRefusals(logger)),
	}, more...)...)
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(target, append(options[:len(options):len(options)], relay.DialOptions()...)...)
}
