package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// grace is how long open calls may go on once the server is told to stop.
const grace = 5 * time.Second

// app is the server with all that it owns.
type app struct {
	server  *grpc.Server
	health  *health.Server
	logger  *slog.Logger
	grace   time.Duration
	closers []func() error
}

// newApp builds the server that config describes. An error names the flag, or
// the option behind it, that can't be right. Call Close on the app when done.
func newApp(config config, logger *slog.Logger) (*app, error) {
	a := &app{health: health.NewServer(), logger: logger, grace: grace}
	if err := a.build(config); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// build opens the keys last: from then on there may be log lines, and a flag
// that can't be right should be the only one.
func (a *app) build(config config) error {
	transport, err := serverTransport(config)
	if err != nil {
		return err
	}
	service, err := a.newService(config)
	if err != nil {
		return err
	}
	verifier, err := a.newVerifier(config)
	if err != nil {
		return err
	}
	policy := interceptor.Rules(
		interceptor.Public(slices.Concat(interceptor.HealthMethods(), interceptor.ReflectionMethods())...),
		interceptor.FromProto(),
	)
	guard, err := interceptor.NewServer(verifier, policy,
		interceptor.Name(config.name), interceptor.WithObserver(interceptor.LogRefusals(a.logger)))
	if err != nil {
		return err
	}
	a.server = newServer(transport, guard, a.logger)
	echov1.RegisterEchoServiceServer(a.server, service)
	healthpb.RegisterHealthServer(a.server, a.health)
	reflection.Register(a.server)
	return guard.Audit(a.server)
}

// newVerifier returns the verifier of the one issuer whose tokens are accepted.
func (a *app) newVerifier(config config) (*token.Verifier, error) {
	keys, err := openKeys(config, interceptor.ReportHealth(a.health, "", echov1.EchoService_ServiceDesc.ServiceName), a.logger)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, keys.Close)
	return token.NewVerifier([]token.Issuer{
		{URL: config.issuer, Audiences: []string{config.audience}, Keys: keys},
	}, token.Leeway(config.leeway))
}

// newService returns the handlers: those that answer, or those that ask the
// upstream.
func (a *app) newService(config config) (echov1.EchoServiceServer, error) {
	this := hop{config.name}
	if config.upstream == "" {
		return &local{hop: this}, nil
	}
	connection, err := dialUpstream(config, a.logger)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, connection.Close)
	return &relay{hop: this, upstream: echov1.NewEchoServiceClient(connection)}, nil
}

// newServer returns a gRPC server without services. Recovery comes first, so
// that it covers the interceptors behind it.
func newServer(transport credentials.TransportCredentials, guard *interceptor.Server, logger *slog.Logger) *grpc.Server {
	onPanic := recovery.WithRecoveryHandlerContext(recovered(logger))
	return grpc.NewServer(append([]grpc.ServerOption{
		grpc.Creds(transport),
		grpc.ChainUnaryInterceptor(recovery.UnaryServerInterceptor(onPanic)),
		grpc.ChainStreamInterceptor(recovery.StreamServerInterceptor(onPanic)),
	}, guard.Options()...)...)
}

// Serve serves on listener until ctx ends, and then lets open calls finish for
// a while.
func (a *app) Serve(ctx context.Context, listener net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(listener) }()
	a.logger.Info("serving", "addr", listener.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	a.logger.Info("stopping", "grace", a.grace)
	a.health.Shutdown()
	enough := time.AfterFunc(a.grace, a.server.Stop)
	defer enough.Stop()
	a.server.GracefulStop()
	if err := <-served; !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil // stopped before it began
}

// Close releases what the app owns. Serve must have returned.
func (a *app) Close() {
	for _, closer := range slices.Backward(a.closers) {
		if err := closer(); err != nil {
			a.logger.Warn("closing failed", "cause", err)
		}
	}
}
