package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/metadata"
)

// running is a front with all that it needs, on loopback.
type running struct {
	web, rpc string // addresses
	upstream *upstream
	log      *logBuffer
}

// start starts a front for the issuer's tokens that lives as long as the test,
// and waits until it has the issuer's keys.
func start(t *testing.T, issuer *jwttest.Issuer) *running {
	t.Helper()
	issuer.Key("ES256") // or there would be none to fetch
	r := startWithoutKeys(t, issuer)
	for {
		_, err := r.client(t).Echo(with(t, issuer.Token()), &echov1.EchoRequest{})
		if err == nil {
			r.upstream.forget()
			return r
		}
		if status.Code(err) != codes.Unavailable {
			t.Fatal(err)
		}
	}
}

// startWithoutKeys is start for an issuer whose keys may not come.
func startWithoutKeys(t *testing.T, issuer *jwttest.Issuer) *running {
	t.Helper()
	r := &running{upstream: startUpstream(t), log: new(logBuffer)}
	a, err := newApp(mustParse(t, flagsFor(issuer, r.upstream.addr)), slog.New(slog.NewTextHandler(r.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	web, rpc := listen(t), listen(t)
	r.web, r.rpc = web.Addr().String(), rpc.Addr().String()
	served := make(chan error, 1)
	go func() { served <- a.Serve(t.Context(), web, rpc) }()
	t.Cleanup(func() {
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
		a.Close()
	})
	return r
}

// flagsFor returns the flags that every front needs.
func flagsFor(issuer *jwttest.Issuer, upstream string) []string {
	return []string{
		"-addr", "127.0.0.1:0",
		"-grpc-addr", "127.0.0.1:0",
		"-issuer", issuer.URL(),
		"-audience", jwttest.DefaultAudience,
		"-upstream", upstream,
	}
}

// mustParse parses flags that make sense.
func mustParse(t *testing.T, flags []string) config {
	t.Helper()
	config, err := parseFlags(flags, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// client returns a gRPC client of the front. It adds no token.
func (r *running) client(t *testing.T) echov1.EchoServiceClient {
	t.Helper()
	return echov1.NewEchoServiceClient(dial(t, r.rpc))
}

// dial returns a connection that is closed with the test.
func dial(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	connection, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// listen listens on some port of loopback.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// with returns the test's context for gRPC calls that carry raw.
func with(t *testing.T, raw string) context.Context {
	t.Helper()
	ctx, err := metadata.ToOutgoing(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// upstream is a service behind the front. It looks for no token, but notes what
// arrives, and answers as it is told.
type upstream struct {
	echov1.UnimplementedEchoServiceServer
	addr string

	mutex   sync.Mutex
	refusal error       // what ends each call
	arrived []grpcmd.MD // with each call
}

func startUpstream(t *testing.T) *upstream {
	t.Helper()
	u := new(upstream)
	server := grpc.NewServer()
	echov1.RegisterEchoServiceServer(server, u)
	listener := listen(t)
	u.addr = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return u
}

// Echo implements the service.
func (u *upstream) Echo(ctx context.Context, request *echov1.EchoRequest) (*echov1.EchoResponse, error) {
	return &echov1.EchoResponse{Message: request.GetMessage()}, u.note(ctx)
}

// Expand implements the service. A refusal takes the place of the last message.
func (u *upstream) Expand(request *echov1.EchoRequest, stream grpc.ServerStreamingServer[echov1.EchoResponse]) error {
	refusal := u.note(stream.Context())
	for i := range request.GetRepeat() {
		if refusal != nil && i+1 == request.GetRepeat() {
			break
		}
		if err := stream.Send(&echov1.EchoResponse{Message: request.GetMessage()}); err != nil {
			return err
		}
	}
	return refusal
}

func (u *upstream) note(ctx context.Context) error {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	md, _ := grpcmd.FromIncomingContext(ctx)
	u.arrived = append(u.arrived, md)
	return u.refusal
}

// refuse makes all calls end with err.
func (u *upstream) refuse(err error) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.refusal = err
}

// calls returns the metadata of each call that arrived.
func (u *upstream) calls() []grpcmd.MD {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	return slices.Clone(u.arrived)
}

// forget forgets the calls so far.
func (u *upstream) forget() {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.arrived = nil
}

// logBuffer is what a front has logged so far.
type logBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

// Write implements [io.Writer].
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

// String returns all that was logged.
func (b *logBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}
