package service

import (
	"context"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// Role is a service as a process.
type Role struct {
	Name    string // in hops, in refusals and in its certificate
	Summary string // one line about it, for its help
	Next    string // name of the service that it calls; "" if it is the last
	Public  bool   // whether users call it, who have no certificate

	// Register registers what the service offers. next is the connection to
	// the service it calls, and nil if it is the last.
	Register func(server grpc.ServiceRegistrar, next grpc.ClientConnInterface)
}

// Run runs the role until ctx ends.
func (r Role) Run(ctx context.Context, env process.Env) error {
	config, err := parseFlags(r, env)
	if err != nil {
		return err
	}
	identity, err := config.tls.Load()
	if err != nil {
		return err
	}
	logger := env.Logger(r.Name)

	checks := health.NewServer()
	ready := interceptor.AllReady(2, interceptor.ReportHealth(checks))
	keys, err := openKeys(config, identity, ready[0], logger) //nolint:contextcheck // the keys live until Close
	if err != nil {
		return err
	}
	defer func() { _ = keys.Close() }() // always nil

	revoked, forget, err := openRevocations(config, ready[1], logger) //nolint:contextcheck // likewise
	if err != nil {
		return err
	}
	defer forget()

	server, err := New(Config{
		Name: r.Name, Public: r.Public, Identity: identity, Health: checks, Logger: logger,
		Issuer:      token.Issuer{URL: config.issuer, Audiences: []string{config.audience}, Keys: keys},
		Revocations: revoked, MaxLifetime: config.revocations.MaxLifetime,
	})
	if err != nil {
		return err
	}
	next, hangUp, err := r.dial(config, identity, logger)
	if err != nil {
		return err
	}
	defer hangUp()
	r.Register(server, next)

	if config.stopWithStdin {
		var cancel context.CancelFunc
		ctx, cancel = process.UntilEOF(ctx, env.Stdin)
		defer cancel()
	}
	listener, err := process.Listen(ctx, config.addr, env.Stdout)
	if err != nil {
		return err
	}
	return server.Serve(ctx, listener)
}

// dial connects to the next service, if there is one.
func (r Role) dial(c flags, identity *process.Identity, logger *slog.Logger) (grpc.ClientConnInterface, func(), error) {
	if r.Next == "" {
		return nil, func() {}, nil
	}
	next, err := Dial(r.Name, c.next, credentials.NewTLS(identity.To(r.Next)), logger)
	if err != nil {
		return nil, nil, process.Usage("-%s: %w", r.Next, err)
	}
	return next, func() { _ = next.Close() }, nil
}
