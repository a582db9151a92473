// Package service answers one question: what do all services of the platform
// have in common?
//
// Each verifies the token of every call by itself, asks of it what the service's
// proto says, relays that same token with the calls it makes, and tells in its
// answers how it verified. What a service is about is in its own package:
// gateway, orders, inventory, pricing.
package service

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// grace is how long open calls may go on once a service is told to stop.
const grace = 5 * time.Second

// Config is what a [Service] needs. All but Public and the last two are required.
type Config struct {
	Name     string       // in hops and in refusals
	Public   bool         // whether users call it, who have no certificate
	Issuer   token.Issuer // whose tokens it accepts
	Identity *process.Identity
	Health   *health.Server // says whether it can work
	Logger   *slog.Logger

	Revocations token.Revocations // which tokens ended early; nil if none can
	MaxLifetime time.Duration     // of tokens; required with Revocations
}

// Service is a gRPC server on which the protos say who may call what.
type Service struct {
	server *grpc.Server
	guard  *interceptor.Server
	health *health.Server
	logger *slog.Logger
}

// New returns a service.
func New(c Config) (*Service, error) {
	guard, err := newGuard(c)
	if err != nil {
		return nil, err
	}
	// The order of interceptors matters. Logging is first, to see what all others
	// decide, and recovery next, to cover them.
	all := []grpc.ServerOption{grpc.Creds(credentials.NewTLS(c.tls()))}
	all = append(all, observing(c.Logger)...)
	all = append(all, recovering(c.Logger)...)
	all = append(all, recording(c.Name)...)
	all = append(all, guard.Options()...)
	all = append(all, answering()...)

	s := &Service{server: grpc.NewServer(all...), guard: guard, health: c.Health, logger: c.Logger}
	healthpb.RegisterHealthServer(s.server, s.health)
	return s, nil
}

// tls is how callers connect.
func (c Config) tls() *tls.Config {
	if c.Public {
		return c.Identity.ForUsers()
	}
	return c.Identity.ForPeers()
}

// RegisterService implements [grpc.ServiceRegistrar].
func (s *Service) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.server.RegisterService(desc, impl)
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
