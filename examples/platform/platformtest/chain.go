// Package platformtest lets the test of a service be the services around it:
// callers with tokens, and others to call, over real gRPC.
package platformtest

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/examples/platform/service"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

const audience = "platform"

// Chain is services that trust one issuer. They end with the test.
type Chain struct {
	t      *testing.T
	Issuer *jwttest.Issuer
}

// New returns a chain without services.
func New(t *testing.T) *Chain {
	t.Helper()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithAudience(audience))
	issuer.Token() // makes the key
	return &Chain{t: t, Issuer: issuer}
}

// Serve starts a service, and returns a connection to it that relays as those
// between services do.
func (c *Chain) Serve(name string, register func(grpc.ServiceRegistrar)) *grpc.ClientConn {
	c.t.Helper()
	logger := slog.New(slog.DiscardHandler)
	conn, err := service.Dial("test", c.Listen(name, logger, register), insecure.NewCredentials(), logger,
		interceptor.AllowPlaintext())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Listen starts a service, and returns its address.
func (c *Chain) Listen(name string, logger *slog.Logger, register func(grpc.ServiceRegistrar)) string {
	c.t.Helper()
	server, err := service.New(name, token.Issuer{
		URL: c.Issuer.URL(), Audiences: []string{audience}, Keys: c.Issuer.Keys(),
	}, logger)
	if err != nil {
		c.t.Fatal(err)
	}
	register(server)
	server.Ready()
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

// As returns a context whose calls carry a new token of that user.
func (c *Chain) As(user string) context.Context {
	return grpcmd.AppendToOutgoingContext(c.t.Context(),
		"authorization", "Bearer "+c.Issuer.Token(jwttest.Subject(user)))
}
