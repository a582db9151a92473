package main

import (
	"context"
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

	"github.com/jwtrelay/jwtrelay/examples/platform/authority"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// stage is what surrounds a watch here: the parts that you have already. All is in
// memory, and the service is called with TLS.
type stage struct {
	provider *provider
	session  session // the watcher's
	journal  *journal
	verifier *token.Verifier
	identity *process.Identity                // the service's
	listener atomic.Pointer[bufconn.Listener] // the service's
	logger   *slog.Logger
}

// longest is how long a token may live, at most, to be let in.
const longest = 24 * time.Hour

// newStage returns a stage where nothing runs yet, and tokens live for so long.
func newStage(log io.Writer, life time.Duration) (*stage, error) {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	list, err := revocation.NewList(revocation.Config{MaxLifetime: longest}) // without a feed it needs no Close
	if err != nil {
		return nil, err
	}
	verifier, err := token.NewVerifier([]token.Issuer{
		{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()},
	}, token.WithRevocations(list), token.MaxLifetime(longest), token.Leeway(0)) // there is one clock only
	if err != nil {
		return nil, err
	}
	identity, err := newIdentity("changes")
	if err != nil {
		return nil, err
	}
	return &stage{
		provider: &provider{issuer: issuer, life: life, revoked: list},
		journal:  newJournal(1000, 0),
		verifier: verifier,
		identity: identity,
		logger:   slog.New(slog.NewTextHandler(log, nil)),
	}, nil
}

// login logs alice in. Her tokens are kept until a tenth of their life before their
// end.
func (s *stage) login() {
	s.provider.login()
	s.session.begin(s.provider.refresh, s.provider.life/10)
}

// toService is what it takes to call the service, and to dial again soon.
func (s *stage) toService() []grpc.DialOption {
	soon := grpcbackoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, MaxDelay: time.Second}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(s.identity.AsUser("changes"))),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: soon, MinConnectTimeout: time.Second}),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return s.listener.Load().DialContext(ctx) }),
	}
}

// startService starts the service. Once it is stopped, who calls finds nobody; the
// journal stays.
func (s *stage) startService(options ...grpc.ServerOption) (stop func(), err error) {
	options = append(options, grpc.Creds(credentials.NewTLS(s.identity.ForUsers())))
	server, err := newServer(s.verifier, s.journal, interceptor.LogRefusals(s.logger), options...)
	if err != nil {
		return nil, err
	}
	listener := bufconn.Listen(1 << 16)
	s.listener.Store(listener)
	return start(func() { _ = server.Serve(listener) }, server.Stop), nil
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
