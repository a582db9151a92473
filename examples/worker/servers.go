package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc/credentials"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/examples/worker/scenery"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// audience is that of the desk, the worker and the archive.
const audience = "example"

// openIssuer serves keys and tokens by HTTPS.
func (s *stage) openIssuer(ctx context.Context) (*scenery.Issuer, error) {
	transport, err := s.authority.Server("issuer")
	if err != nil {
		return nil, err
	}
	listener, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() { _ = listener.Close() })
	i, err := scenery.NewIssuer("https://"+listener.Addr().String(), audience, workerName)
	if err != nil {
		return nil, err
	}
	server := &http.Server{
		Handler: i.Handler(), TLSConfig: transport, ReadHeaderTimeout: time.Second,
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
	}
	s.running.Go(func() { _ = server.ServeTLS(listener, "", "") })
	s.closers = append(s.closers, func() { _ = server.Close() })
	return i, nil
}

// serve serves a service that verifies tokens, with keys of its own, by gRPC
// with TLS.
func (s *stage) serve(ctx context.Context, name string, service echov1.EchoServiceServer) (*scenery.Line, error) {
	verifier, err := s.newVerifier(ctx)
	if err != nil {
		return nil, err
	}
	transport, err := s.authority.Server(name)
	if err != nil {
		return nil, err
	}
	server, err := scenery.NewServer(name, service, verifier, credentials.NewTLS(transport), refusals{s.logger})
	if err != nil {
		return nil, err
	}
	listener, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	at := &scenery.Line{Listener: listener}
	s.running.Go(func() { _ = server.Serve(at) })
	s.closers = append(s.closers, server.Stop)
	return at, nil
}

// newVerifier returns a verifier that has its keys.
func (s *stage) newVerifier(ctx context.Context) (*token.Verifier, error) {
	//nolint:contextcheck // the key set lives until the stage is closed, not until ctx ends
	keys, err := keyset.Fetch(s.issuer.URL+scenery.JWKSPath, keyset.RemoteConfig{Client: &http.Client{Transport: s.http}, Logger: s.logger})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() { _ = keys.Close() })
	if err := keys.WaitReady(ctx); err != nil {
		return nil, err
	}
	return token.NewVerifier([]token.Issuer{
		{URL: s.issuer.URL, Audiences: []string{audience}, Keys: keys},
	}, token.Leeway(0)) // there is one clock only
}

// listen listens on some port of loopback.
func listen(ctx context.Context) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
}
