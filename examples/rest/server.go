package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// name is this service's among those that a call goes through.
const name = "rest"

// grace is how long open calls may go on once the server is told to stop.
const grace = 5 * time.Second

// app is both servers, with all that they own.
type app struct {
	rpc     *grpc.Server
	memory  *bufconn.Listener // where rpc serves web
	web     *http.Server
	logger  *slog.Logger
	grace   time.Duration
	closers []func() error
}

// newApp builds the servers that config describes. An error names what can't be
// right. Call Close on the app when done.
func newApp(config config, logger *slog.Logger) (*app, error) {
	a := &app{memory: bufconn.Listen(memorySize), logger: logger, grace: grace}
	if err := a.build(config); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (a *app) build(config config) error {
	upstream, err := dialUpstream(config.upstream)
	if err != nil {
		return fmt.Errorf("-upstream: %w", err)
	}
	a.closers = append(a.closers, upstream.Close)
	service := &relay{upstream: echov1.NewEchoServiceClient(upstream)}
	if err := a.buildRPC(config, service); err != nil {
		return err
	}
	return a.buildWeb()
}

// buildRPC builds the server where all is decided.
func (a *app) buildRPC(config config, service echov1.EchoServiceServer) error {
	checks := health.NewServer()
	keys, err := keyset.Discover(config.issuer, keyset.RemoteConfig{
		Logger: a.logger, ReadyChanged: interceptor.ReportHealth(checks),
	})
	if err != nil {
		return fmt.Errorf("-issuer: %w", err)
	}
	a.closers = append(a.closers, keys.Close)
	verifier, err := token.NewVerifier([]token.Issuer{
		{URL: config.issuer, Audiences: []string{config.audience}, Keys: keys},
	})
	if err != nil {
		return err
	}
	guard, err := interceptor.NewServer(verifier, interceptor.Rules(
		interceptor.Public(interceptor.HealthMethods()...),
		interceptor.FromProto(),
	), interceptor.Name(name))
	if err != nil {
		return err
	}
	a.rpc = grpc.NewServer(append(retryOptions(), guard.Options()...)...)
	echov1.RegisterEchoServiceServer(a.rpc, service)
	healthpb.RegisterHealthServer(a.rpc, checks)
	return guard.Audit(a.rpc)
}

// buildWeb builds the front, which is a client of the other.
func (a *app) buildWeb() error {
	connection, err := dialMemory(a.memory)
	if err != nil {
		return err
	}
	a.closers = append(a.closers, connection.Close)
	front, err := newFront(connection)
	if err != nil {
		return err
	}
	a.web = &http.Server{Handler: front, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: maxHeader}
	return nil
}

// Serve serves HTTP and gRPC on their listeners until ctx ends, and then lets
// open calls finish for a while.
func (a *app) Serve(ctx context.Context, web, rpc net.Listener) error {
	served := make(chan error, 3)
	go func() { served <- a.rpc.Serve(a.memory) }()
	go func() { served <- a.rpc.Serve(rpc) }()
	go func() { served <- a.web.Serve(web) }()
	a.logger.Info("serving", "http", web.Addr().String(), "grpc", rpc.Addr().String())

	var first error // that something failed, if that is why we stop
	left := cap(served)
	select {
	case first = <-served:
		left--
	case <-ctx.Done():
	}
	a.stop(context.WithoutCancel(ctx))
	for range left {
		first = errors.Join(first, unlessStopped(<-served))
	}
	return first
}

// stop stops the front first, whose calls go to the other.
func (a *app) stop(ctx context.Context) {
	a.logger.Info("stopping", "grace", a.grace)
	enough := time.AfterFunc(a.grace, func() {
		_ = a.web.Close()
		a.rpc.Stop()
	})
	defer enough.Stop()
	_ = a.web.Shutdown(ctx) // which has no end, but enough is enough
	a.rpc.GracefulStop()
}

// unlessStopped is err, or nil if it says only that the server was stopped.
func unlessStopped(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

// Close releases what the app owns. Serve must have returned.
func (a *app) Close() {
	for _, closer := range slices.Backward(a.closers) {
		if err := closer(); err != nil {
			a.logger.Warn("closing failed", "cause", err)
		}
	}
}
