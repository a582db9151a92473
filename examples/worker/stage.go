package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/test/bufconn"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/authority"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// stage is what surrounds the worker here: the parts that you have already. All
// is in memory, and the archive is called with TLS.
type stage struct {
	issuer   *jwttest.Issuer
	endpoint *endpoint
	verifier *token.Verifier
	sealer   *sealer
	queue    *memory
	archive  *archive
	guard    *interceptor.Server              // the archive's
	identity *process.Identity                // the archive's
	listener atomic.Pointer[bufconn.Listener] // the archive's
	logger   *slog.Logger
}

// newStage returns a stage where nothing runs yet.
func newStage(log io.Writer) (s *stage, err error) {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	s = &stage{
		issuer: issuer, endpoint: &endpoint{issuer: issuer, secret: rand.Text()},
		queue: newMemory(), archive: new(archive), logger: slog.New(slog.NewTextHandler(log, nil)),
	}
	key := make([]byte, sealKeySize)
	_, _ = rand.Read(key) // it never fails
	if s.sealer, err = newSealer(key); err != nil {
		return nil, err
	}
	if s.verifier, err = token.NewVerifier([]token.Issuer{
		{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()},
	}, token.Leeway(0)); err != nil { // there is one clock only
		return nil, err
	}
	if s.guard, err = interceptor.NewServer(s.verifier, interceptor.Authenticated(echov1.EchoService_Echo_FullMethodName),
		interceptor.Name("archive"), interceptor.WithObserver(interceptor.LogRefusals(s.logger))); err != nil {
		return nil, err
	}
	s.identity, err = newIdentity("archive")
	return s, err
}

// newWorker returns a worker in a hurry. In earnest, a report is for the night,
// and the pauses are for minutes.
func (s *stage) newWorker(ctx context.Context) (*worker, error) {
	own, err := newOwnCredential(ctx, s.own(), s.endpoint)
	if err != nil {
		return nil, err
	}
	return newWorker(config{
		archive: "passthrough:///archive", options: s.toArchive(),
		own: own, verifier: s.verifier, sealer: s.sealer, logger: s.logger,
		every: 100 * time.Millisecond, limit: 10 * time.Second, pauses: backoff{50 * time.Millisecond, 200 * time.Millisecond},
	}, s.queue)
}

// own says where the worker gets a token of its own.
func (s *stage) own() ownConfig {
	return ownConfig{tokenURL: s.issuer.URL() + "/token", clientID: workerName, secret: s.endpoint.secret}
}

// toArchive is what it takes to call the archive, and to dial again at once.
func (s *stage) toArchive() []grpc.DialOption {
	soon := grpcbackoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, MaxDelay: 10 * time.Second}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(s.identity.AsUser("archive"))),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: soon, MinConnectTimeout: time.Second}),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return s.listener.Load().DialContext(ctx) }),
	}
}

// startArchive starts the archive. Once it is stopped, who calls finds nobody.
func (s *stage) startArchive() (stop func()) {
	server := grpc.NewServer(append([]grpc.ServerOption{grpc.Creds(credentials.NewTLS(s.identity.ForUsers()))}, s.guard.Options()...)...)
	echov1.RegisterEchoServiceServer(server, s.archive)
	listener := bufconn.Listen(1 << 16)
	s.listener.Store(listener)
	return start(func() { _ = server.Serve(listener) }, server.Stop)
}

// start starts something, which is stopped by telling it and waiting for it.
func start(something, tell func()) (stop func()) {
	var running sync.WaitGroup
	running.Go(something)
	return func() {
		tell()
		running.Wait()
	}
}

func newIdentity(name string) (*process.Identity, error) {
	ca, err := authority.New()
	if err != nil {
		return nil, err
	}
	certificate, key, err := ca.Issue(name)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	return process.NewIdentity(pair, ca.PEM())
}
