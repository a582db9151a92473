// Package service answers one question: what do all services of the platform
// have in common?
//
// Each verifies the token of every call by itself, relays that same token with
// the calls it makes, and tells in its answers how it verified. What a service
// is about is in its own package: gateway, orders, inventory, pricing.
package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// grace is how long open calls may go on once a service is told to stop.
const grace = 5 * time.Second

// Service is a gRPC server on which every method but health needs a token.
type Service struct {
	server *grpc.Server
	guard  *interceptor.Server
	health *health.Server
	logger *slog.Logger
}

// New returns a service that accepts the tokens of issuer. It is not healthy
// before [Service.Ready]. The options come after those of the service's own.
func New(name string, issuer token.Issuer, logger *slog.Logger, options ...grpc.ServerOption) (*Service, error) {
	verifier, err := token.NewVerifier([]token.Issuer{issuer}, token.WithObserver(stopwatch{}))
	if err != nil {
		return nil, err
	}
	policy := interceptor.Rules(
		interceptor.Public(interceptor.HealthMethods()...),
		interceptor.Authenticated(),
	)
	guard, err := interceptor.NewServer(verifier, policy,
		interceptor.Name(name), interceptor.WithObserver(refusals{logger}))
	if err != nil {
		return nil, err
	}
	// The order matters. Logging is first, to see what all others decide, and
	// recovery next, to cover them.
	all := observing(logger)
	all = append(all, recovering(logger)...)
	all = append(all, recording(name)...)
	all = append(all, guard.Options()...)
	all = append(all, answering()...)
	all = append(all, options...)

	s := &Service{server: grpc.NewServer(all...), guard: guard, health: health.NewServer(), logger: logger}
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	healthpb.RegisterHealthServer(s.server, s.health)
	return s, nil
}

// RegisterService implements [grpc.ServiceRegistrar].
func (s *Service) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.server.RegisterService(desc, impl)
}

// Ready says to whoever asks for the service's health that it can work.
func (s *Service) Ready() {
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
}

// Serve serves on listener until ctx ends, and then lets open calls finish for
// a while. It fails if some method has no rule, before anyone could call it.
func (s *Service) Serve(ctx context.Context, listener net.Listener) error {
	if err := s.guard.Audit(s.server); err != nil {
		return errors.Join(err, listener.Close())
	}
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(listener) }()
	s.logger.Info("serving", "addr", listener.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	s.logger.Info("stopping", "grace", grace)
	s.health.Shutdown()
	enough := time.AfterFunc(grace, s.server.Stop)
	defer enough.Stop()
	s.server.GracefulStop()
	if err := <-served; !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil // stopped before it began
}
