package keyset_test

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// The tests of this file are about the transport that a set has of its own, so
// they are over a real network, on loopback.

// patience is how long they wait for what must come, before they fail. It is
// less than the 30 seconds after which an idle connection ends by itself.
const patience = 20 * time.Second

// within returns what comes from c, and fails the test if nothing does.
func within[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case value := <-c:
		return value
	case <-timer.C:
		t.Fatalf("%s: still not after %v", what, patience)
		panic("unreachable")
	}
}

func TestCloseLeavesNoConnection(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(jwks(edJWK().named("a")))
	}))
	idle, closed := make(chan struct{}, 9), make(chan struct{}, 9)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateIdle:
			idle <- struct{}{}
		case http.StateClosed:
			closed <- struct{}{}
		default:
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	set := must(keyset.Fetch(server.URL, keyset.RemoteConfig{Logger: new(record).logger()}))
	within(t, idle, "an answer")
	if err := set.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = set.Close()
	within(t, closed, "the end of the connection")
}

func TestHeadersOfAMegabyteAreAFailure(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 1 {
			w.Header().Set("X-Rubbish", strings.Repeat("a", 1<<20))
		}
		_, _ = w.Write(jwks(edJWK().named("a")))
	}))
	t.Cleanup(server.Close)
	log := new(record)
	config := keyset.RemoteConfig{MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond, Logger: log.logger()}
	set := must(keyset.Fetch(server.URL, config))
	t.Cleanup(func() { _ = set.Close() })
	if err := set.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log.count("fetch failed") != 1 || requests.Load() != 2 {
		t.Errorf("%d requests, log:\n%s", requests.Load(), log)
	}
}

func TestNoTLSBefore12IsOffered(t *testing.T) {
	t.Parallel()
	offers := make(chan []uint16, 1)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // that the certificate is refused
	server.TLS = &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			select {
			case offers <- hello.SupportedVersions:
			default:
			}
			return nil, nil
		},
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	set := must(keyset.Fetch(server.URL, keyset.RemoteConfig{Logger: new(record).logger()}))
	t.Cleanup(func() { _ = set.Close() })
	for _, version := range within(t, offers, "a handshake") {
		if version < tls.VersionTLS12 {
			t.Errorf("%s is offered", tls.VersionName(version))
		}
	}
}

// A connection can be dead without knowing it, and a request that times out on
// HTTP/2 leaves it as it is: after a failure there is a new one.
func TestAFetchAfterAFailureIsMadeOnANewConnection(t *testing.T) {
	t.Parallel()
	var connections, requests atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 1 {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(jwks(edJWK().named("a")))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	set := must(keyset.Fetch(server.URL, keyset.RemoteConfig{MinBackoff: 10 * time.Millisecond, Logger: new(record).logger()}))
	defer func() { _ = set.Close() }()
	if err := set.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections for %d requests", n, requests.Load())
	}
}
