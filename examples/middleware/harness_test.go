package middleware_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/jwtrelay/jwtrelay/examples/middleware"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// world is an issuer, what trusts it, and a log.
type world struct {
	issuer   *jwttest.Issuer
	verifier *token.Verifier
	log      *logBuffer
}

func newWorld(t *testing.T, options ...token.VerifierOption) world {
	t.Helper()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	verifier, err := token.NewVerifier([]token.Issuer{{
		URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys(),
	}}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return world{issuer, verifier, new(logBuffer)}
}

// server returns the server of a service called A.
func (w world) server(t *testing.T, policy interceptor.Policy, options ...interceptor.ServerOption) *interceptor.Server {
	t.Helper()
	server, err := interceptor.NewServer(w.verifier, policy, append(options, interceptor.Name("A"))...)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// behindOptions installs server by the package's own options.
func behindOptions(w world, server *interceptor.Server) []grpc.ServerOption {
	return middleware.Options(server, slog.New(slog.NewTextHandler(w.log, nil)))
}

// behindAuth installs server by the two lines that change, and nothing else.
func behindAuth(_ world, server *interceptor.Server) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(auth.UnaryServerInterceptor(server.AuthFunc())),
		grpc.ChainStreamInterceptor(auth.StreamServerInterceptor(server.AuthFunc())),
	}
}

// behindServerOptions installs server as it installs itself.
func behindServerOptions(_ world, server *interceptor.Server) []grpc.ServerOption {
	return server.Options()
}

// serve serves impl and health in memory, until stop, and connects to them.
func serve(impl testpb.TestServiceServer, options []grpc.ServerOption, dial ...grpc.DialOption) (conn *grpc.ClientConn, stop func()) {
	server := grpc.NewServer(options...)
	testpb.RegisterTestServiceServer(server, impl)
	healthpb.RegisterHealthServer(server, health.NewServer())
	return connect(server, dial...)
}

// connect serves server in memory until stop, and connects to it.
func connect(server *grpc.Server, dial ...grpc.DialOption) (conn *grpc.ClientConn, stop func()) {
	listener := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///next", append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	}, dial...)...)
	if err != nil {
		panic(err)
	}
	return conn, func() {
		_ = conn.Close()
		server.Stop()
	}
}

// client serves impl for as long as the test lives.
func client(t *testing.T, impl testpb.TestServiceServer, options []grpc.ServerOption, dial ...grpc.DialOption) testpb.TestServiceClient {
	t.Helper()
	conn, stop := serve(impl, options, dial...)
	t.Cleanup(stop)
	return testpb.NewTestServiceClient(conn)
}

// chain is a service that relays to a next one, which verifies nothing.
func chain(t *testing.T, relay ...interceptor.ClientOption) (first, next *service) {
	t.Helper()
	// The connection never leaves the process.
	r, err := interceptor.NewClient(append(relay, interceptor.Name("A"), interceptor.AllowPlaintext())...)
	if err != nil {
		t.Fatal(err)
	}
	next = new(service)
	return &service{next: client(t, next, nil, r.DialOptions()...)}, next
}

// sending returns a context for calls that carry exactly these header values.
func sending(t *testing.T, values ...string) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	if len(values) == 0 {
		return ctx
	}
	return grpcmd.NewOutgoingContext(ctx, grpcmd.MD{"authorization": values})
}

// wantRefusal checks code and reason of a call; without a reason it is one that
// nobody of ours refused.
func wantRefusal(t *testing.T, err error, code codes.Code, reason token.Reason) {
	t.Helper()
	if got := status.Code(err); got != code {
		t.Errorf("code is %v, want %v: %v", got, code, err)
	}
	refusal, ok := interceptor.RefusalFrom(err)
	if refusal.Reason != reason || ok != (reason != "") {
		t.Errorf("reason is %q (found: %v), want %q", refusal.Reason, ok, reason)
	}
	if ok && refusal.Hop != "A" {
		t.Errorf("refused by %q, want A", refusal.Hop)
	}
}

// wantArrivals checks what arrived somewhere.
func wantArrivals(t *testing.T, where string, got, want []arrival) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s saw %+v, want %+v", where, got, want)
	}
}

// logBuffer is a log that is read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// lines returns the lines that hold all of parts.
func (b *logBuffer) lines(parts ...string) []string {
	var lines []string
next:
	for line := range strings.Lines(b.String()) {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		lines = append(lines, line)
	}
	return lines
}
