// Package platformtest lets the test of a service be the services around it:
// callers with tokens and certificates, and others to call, over real gRPC and
// TLS.
package platformtest

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/examples/platform/authority"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

const audience = "platform"

// User is the caller of a service that users call: one without a certificate.
const User = ""

// maxLifetime is how long tokens live at most.
const maxLifetime = time.Hour

// Chain is services that trust one issuer and one authority. They end with the
// test.
type Chain struct {
	t         *testing.T
	Issuer    *jwttest.Issuer
	Revoked   *revocation.List // what none of the services accepts
	authority *authority.Authority
}

// New returns a chain without services.
func New(t *testing.T) *Chain {
	t.Helper()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithAudience(audience))
	issuer.Token() // makes the key
	made, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := revocation.NewList(revocation.Config{MaxLifetime: maxLifetime})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = revoked.Close() })
	return &Chain{t: t, Issuer: issuer, Revoked: revoked, authority: made}
}

// Serve starts a service for the caller, the name of another service or User, and
// returns a connection to it that relays as those between services do.
func (c *Chain) Serve(name, caller string, register func(grpc.ServiceRegistrar)) *grpc.ClientConn {
	c.t.Helper()
	return c.Relay(caller, name, c.Listen(name, caller, slog.New(slog.DiscardHandler), register))
}

// Listen starts a service for the caller, as Serve does, and returns its address.
func (c *Chain) Listen(name, caller string, logger *slog.Logger, register func(grpc.ServiceRegistrar)) string {
	c.t.Helper()
	server, err := service.New(service.Config{
		Name: name, Public: caller == User, Identity: c.identity(name), Health: health.NewServer(), Logger: logger,
		Issuer: token.Issuer{URL: c.Issuer.URL(), Audiences: []string{audience}, Keys: c.Issuer.Keys()},

		Revocations: c.Revoked, MaxLifetime: maxLifetime,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	register(server)
	listener, err := new(net.ListenConfig).Listen(c.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			c.t.Errorf("%s: %v", name, err)
		}
	})
	return listener.Addr().String()
}

// Relay returns a connection from the caller, as for Serve, to the service of
// that name, which relays as those between services do.
func (c *Chain) Relay(caller, name, addr string) *grpc.ClientConn {
	c.t.Helper()
	conn, err := service.Dial(caller, addr, credentials.NewTLS(c.tls(caller, name)), slog.New(slog.DiscardHandler))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Dial returns a connection from the caller, as for Serve, to the service of that
// name. It relays nothing.
func (c *Chain) Dial(caller, name, addr string) *grpc.ClientConn {
	c.t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(credentials.NewTLS(c.tls(caller, name))))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// tls is how the caller connects to the service of that name.
func (c *Chain) tls(caller, name string) *tls.Config {
	c.t.Helper()
	if caller == User {
		return c.identity(name).AsUser(name)
	}
	return c.identity(caller).To(name)
}

// identity makes a certificate for the service of that name.
func (c *Chain) identity(name string) *process.Identity {
	c.t.Helper()
	cert, key, err := c.authority.Issue(name)
	if err != nil {
		c.t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		c.t.Fatal(err)
	}
	identity, err := process.NewIdentity(pair, c.authority.PEM())
	if err != nil {
		c.t.Fatal(err)
	}
	return identity
}

// Customer returns the scopes of those who buy: all they need, and no more.
func Customer() []string { return []string{"orders.read", "orders.write", "pricing.read"} }

// As returns a context whose calls carry a new token of that user, a customer.
func (c *Chain) As(user string) context.Context { return c.With(user, Customer()...) }

// InSession returns a context whose calls carry a new token of that user, a
// customer, in that session.
func (c *Chain) InSession(user, session string) context.Context {
	raw := c.Issuer.Token(jwttest.Subject(user), jwttest.Scopes(Customer()...), jwttest.Claim("sid", session))
	return grpcmd.AppendToOutgoingContext(c.t.Context(), "authorization", "Bearer "+raw)
}

// With returns a context whose calls carry a new token of that user, with these
// scopes and no others.
func (c *Chain) With(user string, scopes ...string) context.Context {
	return grpcmd.AppendToOutgoingContext(c.t.Context(),
		"authorization", "Bearer "+c.Issuer.Token(jwttest.Subject(user), jwttest.Scopes(scopes...)))
}
