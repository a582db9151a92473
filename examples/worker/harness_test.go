package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/test/bufconn"

	"github.com/jwtrelay/jwtrelay/examples/worker/scenery"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestMain fails if a goroutine is left behind. Those of a bubble are its own
// matter: it doesn't end before they have.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := goroutinesLeft(); code == 0 && left != "" {
		fmt.Fprintln(os.Stderr, "left behind:\n"+left)
		code = 1
	}
	os.Exit(code)
}

// goroutinesLeft returns the goroutines of ours, of gRPC's and of HTTP's that
// don't end within some seconds.
func goroutinesLeft() (left string) {
	for range 100 {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left = ""
		for stack := range strings.SplitSeq(string(stacks), "\n\n") {
			ours := strings.Contains(stack, "jwtrelay") || strings.Contains(stack, "google.golang.org/grpc") || strings.Contains(stack, "net/http")
			if ours && !strings.Contains(stack, ".TestMain(") {
				left += stack + "\n\n"
			}
		}
		if left == "" {
			return ""
		}
		time.Sleep(50 * time.Millisecond)
	}
	return left
}

// world is what a worker lives in, without a network and with TLS. Make it in a
// bubble: its time then costs nothing.
type world struct {
	t       *testing.T
	issuer  *scenery.Issuer
	archive *scenery.Archive
	line    *scenery.Line
	options []grpc.DialOption // to the archive
	queue   *witness
	sealer  *sealer
	log     *scenery.Record
	logger  *slog.Logger
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, archive: new(scenery.Archive), queue: newWitness(newMemory(time.Minute)), log: new(scenery.Record)}
	w.logger = slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.issuer = must(scenery.NewIssuer("https://id.example.com", audience, workerName))
	w.sealer = must(newSealer(testKey))
	w.serveArchive(must(scenery.NewAuthority()))
	t.Cleanup(w.wantNoTokenLogged)
	return w
}

// testKey is what jobs are sealed with.
var testKey = []byte("a key of 32 bytes, for tests only")[:sealKeySize]

// serveArchive starts the archive.
func (w *world) serveArchive(authority *scenery.Authority) {
	listener, dialer := pipe()
	w.line = &scenery.Line{Listener: listener}
	w.options = []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(authority.Client())), dialer}
	transport := credentials.NewTLS(must(authority.Server("archive")))
	serve(w.t, must(scenery.NewServer("archive", w.archive, w.verifier(), transport, refusals{w.logger})), w.line)
}

// pipe returns a listener, and what dials it.
func pipe() (net.Listener, grpc.DialOption) {
	listener := bufconn.Listen(1 << 16)
	return listener, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) })
}

// serve serves until the test ends.
func serve(t *testing.T, server *grpc.Server, listener net.Listener) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
}

// verifier returns a verifier that has its keys.
func (w *world) verifier() *token.Verifier {
	keys := must(keyset.Fetch(w.issuer.URL+scenery.JWKSPath, keyset.RemoteConfig{
		Client: &http.Client{Transport: w.http()}, Logger: w.logger,
	}))
	w.t.Cleanup(func() { _ = keys.Close() })
	if err := keys.WaitReady(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return must(token.NewVerifier([]token.Issuer{
		{URL: w.issuer.URL, Audiences: []string{audience}, Keys: keys},
	}, token.Leeway(0)))
}

// http returns what reaches the issuer.
func (w *world) http() http.RoundTripper { return direct{w.issuer.Handler()} }

// config returns what a worker needs to live here.
func (w *world) config() config {
	return config{
		archive: "passthrough:///archive", options: w.options,
		issuer: w.issuer.URL, audience: audience, jwks: w.issuer.URL + scenery.JWKSPath, http: w.http(),
		own:     ownConfig{tokenURL: w.issuer.URL + scenery.TokenPath, clientID: workerName, secret: w.issuer.Secret},
		sealKey: testKey,
		every:   10 * time.Minute, limit: 30 * time.Second,
		pauses: backoff{time.Second, time.Minute}, logger: w.logger,
	}
}

// start starts a worker, and returns what stops it. If change is not nil, it
// changes the worker before.
func (w *world) start(change func(*worker)) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	worker := must(newWorker(ctx, w.config(), w.queue))
	if change != nil {
		change(worker)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		worker.run(ctx)
	}()
	return func() {
		cancel()
		<-done
		if err := worker.close(); err != nil {
			w.t.Error(err)
		}
	}
}

// ask queues a job for a user whose token lives that long.
func (w *world) ask(user string, life time.Duration) (job Job, raw string) {
	w.t.Helper()
	raw = must(w.issuer.Sign(user, life))
	job = Job{ID: fmt.Sprint(len(w.queue.put)), Owner: token.Principal{Issuer: w.issuer.URL, Subject: user}, Task: "export"}
	job = w.sealer.seal(job, raw)
	if err := w.queue.Put(w.t.Context(), job); err != nil {
		w.t.Fatal(err)
	}
	return job, raw
}

// wantVisits checks who called the archive for one thing, and how often.
func (w *world) wantVisits(message, subject string, n int) {
	w.t.Helper()
	visits := w.archive.Of(message)
	if len(visits) != n {
		w.t.Errorf("%s: the archive was called %d times, want %d", message, len(visits), n)
	}
	if !allAs(visits, subject) {
		w.t.Errorf("%s: the archive was called as %v, want %s", message, visits, subject)
	}
}

// wantNoTokenLogged checks that no token and no secret was logged.
func (w *world) wantNoTokenLogged() {
	for _, raw := range append(w.issuer.Tokens(), w.issuer.Secret) {
		if shows(w.log.String(), raw) {
			w.t.Error("a token or a secret is in the log")
		}
	}
}

// direct answers requests by a handler, without a network.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	d.handler.ServeHTTP(recorder, r)
	response := recorder.Result()
	response.Request = r
	return response, nil
}

// must is for what can't go wrong.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
