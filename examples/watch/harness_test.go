package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	watchv1 "github.com/jwtrelay/jwtrelay/examples/gen/watch/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// tokenLife is how long a token lives in tests, where time costs nothing.
const tokenLife = 5 * time.Minute

// world is a stage in a test, with a service that runs and alice logged in. Make it
// in a bubble, which also fails if a goroutine is left at its end.
type world struct {
	*stage
	t       *testing.T
	watcher Watcher[watchv1.WatchResponse]
	seen    *sightings
	log     *lockedBuffer

	streams atomic.Int32 // that were let in so far
	open    atomic.Int32 // now
	stop    func()       // the service; may be called again
}

func newWorld(t *testing.T) *world {
	t.Helper()
	log := new(lockedBuffer)
	w := &world{stage: must(newStage(log, tokenLife)), t: t, seen: new(sightings), log: log}
	w.login()
	w.start()
	w.watcher = w.newWatcher(w.session.credential)
	t.Cleanup(w.checkLeft)
	return w
}

// newWatcher returns a watcher whose connection has the tokens of source.
func (w *world) newWatcher(source interceptor.Source) Watcher[watchv1.WatchResponse] {
	w.t.Helper()
	conn := must(dial("passthrough:///changes", source, w.toService(), w.logger))
	w.t.Cleanup(func() { _ = conn.Close() })
	return Watcher[watchv1.WatchResponse]{
		Open:     watching(conn),
		Sequence: (*watchv1.WatchResponse).GetSequence,
		Handle:   w.seen.handle,
		Ended:    w.seen.ended,
	}
}

// start starts the service, which counts its streams.
func (w *world) start() {
	w.t.Helper()
	stop := must(w.startService(grpc.ChainStreamInterceptor(w.count)))
	w.stop = sync.OnceFunc(stop)
	w.t.Cleanup(w.stop)
}

// startPlain starts a service without TLS and interceptors, in place of the other.
func (w *world) startPlain(handler grpc.StreamHandler) (stop func()) {
	server := grpc.NewServer(grpc.UnknownServiceHandler(handler))
	listener := bufconn.Listen(1 << 16)
	w.listener.Store(listener)
	return start(func() { _ = server.Serve(listener) }, server.Stop)
}

// count is outside of the interceptor that lets streams in, so it sees them all to
// their end. Those that are refused are not counted: see counted.
func (w *world) count(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	c := &counted{ServerStream: stream, w: w}
	defer func() {
		if c.letIn {
			w.open.Add(-1)
		}
	}()
	return handler(srv, c)
}

// counted is a stream that is counted when the service opens it.
type counted struct {
	grpc.ServerStream
	w     *world
	letIn bool
}

// RecvMsg is what the service does first: it reads the request.
func (c *counted) RecvMsg(m any) error {
	if !c.letIn {
		c.letIn = true
		c.w.streams.Add(1)
		c.w.open.Add(1)
	}
	return c.ServerStream.RecvMsg(m)
}

// checkLeft checks at the end that no stream is left, and no token was told.
func (w *world) checkLeft() {
	synctest.Wait()
	if n := w.open.Load(); n != 0 {
		w.t.Errorf("%d streams are still open", n)
	}
	if text := w.log.String(); strings.Contains(text, "eyJhbGci") {
		w.t.Error("a token is in the log")
	}
}

// run runs the watcher until it stops, or for so long.
func (w *world) run(after uint64, atMost time.Duration) (last uint64, err error) {
	ctx, cancel := context.WithTimeoutCause(w.t.Context(), atMost, errEnough)
	defer cancel()
	return w.watcher.Run(ctx, after)
}

// write changes something n times, with a pause after each, beside the test.
func (w *world) write(n int, every time.Duration) (wait func()) {
	var writing sync.WaitGroup
	writing.Go(func() {
		for range n {
			w.journal.add("something")
			time.Sleep(every)
		}
	})
	return writing.Wait
}

// wantSeen checks that every change so far was handled, each once and in order.
func (w *world) wantSeen(last uint64) {
	w.t.Helper()
	if newest := w.journal.newest(); last != newest || !w.seen.are(newest) {
		w.t.Errorf("last is %d, of %d changes were seen: %v", last, newest, w.seen.numbers)
	}
}

// wantRefused checks with which reason of ours err is told.
func wantRefused(t *testing.T, err error, want token.Reason) {
	t.Helper()
	if refusal, _ := interceptor.RefusalFrom(err); refusal.Reason != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// forget ends the session, and leaves the tokens that it gave.
func (p *provider) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.session = ""
}

// given returns a source that always gives one token, as a stale one would.
func given(t *oauth2.Token) interceptor.Source {
	return func(context.Context, interceptor.Call) (interceptor.Credential, error) {
		return interceptor.Credential{Value: "Bearer " + t.AccessToken}, nil
	}
}

// lockedBuffer is a log that several goroutines write to.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// must is for what can't go wrong.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
