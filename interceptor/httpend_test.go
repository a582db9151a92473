package interceptor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// grace is for how long a handler may write after the end, by the documentation.
const grace = time.Second

// inMemory is an HTTP server that a bubble can hold.
type inMemory struct {
	*http.Client
	pipes
	dialled *atomic.Int64 // connections
}

// serveByPipes serves handler by HTTP/1.1 and, without TLS, by HTTP/2. The client
// speaks one of them.
func serveByPipes(t *testing.T, handler http.Handler, protocol string) inMemory {
	t.Helper()
	listener := pipes{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols)} //nolint:gosec // the clients are ours
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = server.Serve(listener) }()
	dialled := new(atomic.Int64)
	transport := &http.Transport{Protocols: new(http.Protocols), DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		dialled.Add(1)
		return listener.dial(ctx, "")
	}}
	transport.Protocols.SetHTTP1(protocol == "HTTP/1.1")
	transport.Protocols.SetUnencryptedHTTP2(protocol == "HTTP/2")
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
	})
	return inMemory{&http.Client{Transport: transport}, listener, dialled}
}

// pipes is a listener whose connections keep to their deadlines as those of the
// network do: bufconn's look at that for writing only if they have to wait, and may
// take one that was lifted for one that has passed.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialled:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error { close(p.closed); return nil } // net/http does so once

func (pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "pipe"} }

func (p pipes) dial(ctx context.Context, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.dialled <- there:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// held serves HTTP in a way of its own, and remembers how requests ended.
type held struct {
	how func(w http.ResponseWriter, r *http.Request) error

	mu    sync.Mutex
	ended []ending
}

func (h *held) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h.how(w, r)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = append(h.ended, ending{time.Now(), err, context.Cause(r.Context())})
}

// endings returns how requests have ended so far.
func (h *held) endings() []ending {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.ended)
}

// told returns what was decided so far, in a bubble: observers are told of an end by
// a goroutine of its own.
func (r *recorder) told() []interceptor.Decision {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.decisions)
}

// watching returns how many tokens are watched.
func (r *revoker) watching() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.watched
}

// httpWay is what a handler does when its token ends.
type httpWay struct {
	method string        // of the request: only one by POST has a body, which never comes
	after  time.Duration // the end, that the handler may go on
	how    func(w http.ResponseWriter, r *http.Request) error
}

func httpWays() map[string]httpWay {
	return map[string]httpWay{
		"waiting for its context": {http.MethodGet, 0, untilItsContextEnds},
		"waiting, with a body":    {http.MethodPost, 0, untilItsContextEnds},
		"reading a body that does not come": {http.MethodPost, 0, func(_ http.ResponseWriter, r *http.Request) error {
			_, err := io.ReadAll(r.Body)
			return err
		}},
		"writing to a client that does not read": {http.MethodGet, grace, func(w http.ResponseWriter, _ *http.Request) error {
			for {
				if _, err := w.Write(make([]byte, 1<<12)); err != nil {
					return err
				}
			}
		}},
		"sending events, its context in sight": {http.MethodGet, 0, func(w http.ResponseWriter, r *http.Request) error {
			for {
				select {
				case <-r.Context().Done():
					return nil
				case <-time.After(time.Minute + time.Millisecond):
					if err := sendEvent(w); err != nil {
						return err
					}
				}
			}
		}},
		"sending events, come what may": {http.MethodGet, grace + 300*time.Millisecond, func(w http.ResponseWriter, _ *http.Request) error {
			for {
				if err := sendEvent(w); err != nil {
					return err
				}
				time.Sleep(300 * time.Millisecond)
			}
		}},
		"asleep past the end": {http.MethodGet, 23 * time.Hour, func(http.ResponseWriter, *http.Request) error {
			time.Sleep(lifetime + 23*time.Hour)
			return nil
		}},
	}
}

func untilItsContextEnds(_ http.ResponseWriter, r *http.Request) error {
	<-r.Context().Done()
	return nil
}

func sendEvent(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/event-stream")
	_, err := io.WriteString(w, "data: 1\n\n")
	return errors.Join(err, http.NewResponseController(w).Flush())
}

// ask makes a request that is left open, in the background. The client reads events,
// and nothing else.
func (m inMemory) ask(t *testing.T, method, raw string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var body io.Reader
	if method == http.MethodPost {
		reader, writer := io.Pipe()
		t.Cleanup(func() { _ = writer.Close() })
		body = reader
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://service"+unaryCall, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = bearing("Bearer " + raw)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if res, err := m.Do(r); err == nil {
			if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
				_, _ = io.Copy(io.Discard, res.Body)
			}
			<-ctx.Done()
			_ = res.Body.Close()
		}
	}()
	t.Cleanup(func() { cancel(); <-gone })
}

// eachHTTP runs test for each protocol and each way.
func eachHTTP(t *testing.T, test func(t *testing.T, protocol string, way httpWay)) {
	t.Helper()
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		for name, way := range httpWays() {
			t.Run(protocol+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { test(t, protocol, way) })
			})
		}
	}
}

func TestAnHTTPRequestEndsWithItsToken(t *testing.T) {
	t.Parallel()
	eachHTTP(t, func(t *testing.T, protocol string, way httpWay) {
		w, seen, service := newWorld(t), new(recorder), &held{how: way.how}
		server := w.server(t, interceptor.Authenticated(), interceptor.Name("orders"), interceptor.WithObserver(seen))
		began := time.Now()
		serveByPipes(t, httpHandler(t, server, service), protocol).ask(t, way.method, w.issuer.Token(jwttest.ExpiresIn(10*time.Minute)))
		time.Sleep(30 * time.Hour)
		wantHTTPEnding(t, service, seen, began.Add(lifetime), way, token.ReasonExpired)
	})
}

func TestAnHTTPRequestEndsWhenItsTokenIsRevoked(t *testing.T) {
	t.Parallel()
	eachHTTP(t, func(t *testing.T, protocol string, way httpWay) {
		list, seen, service := new(revoker), new(recorder), &held{how: way.how}
		w := newWorld(t, token.WithRevocations(list), token.MaxLifetime(24*time.Hour))
		server := w.server(t, interceptor.Authenticated(), interceptor.Name("orders"), interceptor.WithObserver(seen))
		time.AfterFunc(lifetime, list.revoke)
		began := time.Now()
		serveByPipes(t, httpHandler(t, server, service), protocol).ask(t, way.method, w.issuer.Token(jwttest.ExpiresIn(20*time.Hour)))
		time.Sleep(30 * time.Hour)
		wantHTTPEnding(t, service, seen, began.Add(lifetime), way, token.ReasonRevoked)
		if left := list.watching(); left != 0 {
			t.Errorf("%d tokens are watched still", left)
		}
	})
}

// wantHTTPEnding checks what the handler and the observer learn of the one request.
func wantHTTPEnding(t *testing.T, service *held, seen *recorder, due time.Time, way httpWay, reason token.Reason) {
	t.Helper()
	ends := service.endings()
	if len(ends) != 1 {
		t.Fatalf("%d handlers have ended", len(ends))
	}
	if late := ends[0].at.Sub(due); late < 0 || late > way.after {
		t.Errorf("the handler ended %v after the token, and may %v", late, way.after)
	}
	var verdict *token.Error
	if !errors.As(ends[0].cause, &verdict) || verdict.Reason() != reason {
		t.Errorf("the cause of the handler's context is %v", ends[0].cause)
	}
	if refusal, ok := interceptor.RefusalFrom(ends[0].cause); !ok || refusal.Reason != reason || refusal.Hop != "orders" {
		t.Errorf("it reads as %+v", refusal)
	}
	told := seen.told()
	if len(told) != 2 {
		t.Fatalf("the observer was told %+v", told)
	}
	first, last := told[0], told[1]
	if first.Ended || first.Reason != "" || !last.Ended || last.Reason != reason || last.Err == nil ||
		last.Method != unaryCall || last.Hop != "orders" || last.Token != first.Token {
		t.Errorf("the observer was told %+v, then %+v", first, last)
	}
}

// The same over the network, by TLS and without: a handler that is blocked reading
// goes on.
func TestARequestOverTheNetworkEndsWhenItsTokenIsRevoked(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(t *testing.T, handler http.Handler) *httptest.Server{
		"HTTP/1.1": serveHTTP1, "HTTP/2 by TLS": serveHTTP2,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := new(revoker)
			w := newWorld(t, token.WithRevocations(list), token.MaxLifetime(24*time.Hour))
			read, cause := make(chan error, 1), make(chan error, 1)
			server := serve(t, httpHandler(t, w.server(t, interceptor.Authenticated()), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				go list.revoke()
				_, err := io.ReadAll(r.Body)
				read <- err
				cause <- context.Cause(r.Context())
			})))
			body, never := io.Pipe()
			defer func() { _ = never.Close() }()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+unaryCall, body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = bearing("Bearer " + w.issuer.Token())
			if res, err := server.Client().Do(r); err == nil { // the connection may end before the answer is read
				_ = res.Body.Close()
			}
			if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("reading ended with %v", err)
			}
			if err := <-cause; token.ReasonOf(err) != token.ReasonRevoked {
				t.Errorf("the context ended for %v", err)
			}
		})
	}
}

// get makes a request and reads the answer.
func (m inMemory) get(t *testing.T, raw string) httpAnswer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://service"+unaryCall, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = bearing("Bearer " + raw)
	return exchange(t, m.Client, r)
}

// A handler that returned in time leaves a connection that is as good as before,
// also when the token ends later and during another's request.
func TestARequestThatEndsBeforeItsTokenLeavesItsConnection(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, seen := newWorld(t), new(recorder)
				service := &held{how: func(_ http.ResponseWriter, r *http.Request) error {
					if r.Method == http.MethodGet {
						time.Sleep(5 * time.Minute)
					}
					return r.Context().Err()
				}}
				server := w.server(t, interceptor.Authenticated(), interceptor.WithObserver(seen))
				client := serveByPipes(t, httpHandler(t, server, service), protocol)
				first := w.issuer.Token(jwttest.ExpiresIn(7 * time.Minute))
				for range 3 { // the first token ends in the second request
					wantReason(t, client.get(t, first), "")
					first = w.issuer.Token(jwttest.ExpiresIn(24 * time.Hour))
				}
				for _, end := range service.endings() {
					if end.err != nil {
						t.Errorf("the context of a request ended: %v", end.cause)
					}
				}
				if told := seen.told(); client.dialled.Load() != 1 || len(told) != 3 {
					t.Errorf("%d connections, and the observer was told %+v", client.dialled.Load(), told)
				}
			})
		})
	}
}

// A request that ended must not take the next one on its connection along, which
// may be another user's.
func TestTheRequestBehindOneThatEndedIsWhole(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		for name, answer := range map[string]func(w http.ResponseWriter){
			"not begun": func(http.ResponseWriter) {}, "begun": func(w http.ResponseWriter) { _ = sendEvent(w) },
		} {
			for name, around := range map[string]func(next http.Handler) http.Handler{
				name: func(next http.Handler) http.Handler { return next }, name + ", in a wrapper": wrapping,
			} {
				t.Run(protocol+"/"+name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t)
						service := &held{how: func(w http.ResponseWriter, r *http.Request) error {
							answer(w)
							select {
							case <-r.Context().Done():
							case <-time.After(30 * time.Minute):
							}
							_, err := io.WriteString(w, "done")
							return err
						}}
						handler := around(httpHandler(t, w.server(t, interceptor.Authenticated()), service))
						client := serveByPipes(t, handler, protocol)
						one := client.get(t, w.issuer.Token(jwttest.ExpiresIn(10*time.Minute)))
						other := client.get(t, w.issuer.Token(jwttest.ExpiresIn(time.Hour)))
						for _, got := range []httpAnswer{one, other} {
							if !strings.HasSuffix(got.text, "done") {
								t.Errorf("the answer is %q", got.text)
							}
						}
						ends := service.endings()
						if len(ends) != 2 || ends[0].cause == nil || ends[1].cause != nil {
							t.Errorf("%+v", ends)
						}
					})
				})
			}
		}
	}
}

// wrapper is a ResponseWriter of somebody's middleware.
type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func wrapping(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(wrapper{w}, r) })
}

// plain is a ResponseWriter that can't do more than it must.
type plain struct{ http.ResponseWriter }

func TestARequestWhoseWriterCanDoNothingEndsByItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, service := newWorld(t), &held{how: untilItsContextEnds}
		handler := httpHandler(t, w.server(t, interceptor.Authenticated()), service)
		handler.ServeHTTP(plain{httptest.NewRecorder()}, httpRequest(t, http.MethodGet, unaryCall, bearing("Bearer "+w.issuer.Token())))
		if ends := service.endings(); len(ends) != 1 || token.ReasonOf(ends[0].cause) != token.ReasonExpired {
			t.Errorf("%+v", ends)
		}
	})
}

// deadlines is a ResponseWriter that notes which deadlines it is given. It takes
// its time.
type deadlines struct {
	http.ResponseWriter
	takes time.Duration

	mu          sync.Mutex
	read, write []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	time.Sleep(d.takes)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.read = append(d.read, at)
	return nil
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.write = append(d.write, at)
	return nil
}

// set returns how many deadlines were set.
func (d *deadlines) set() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.read) + len(d.write)
}

// No deadline is touched once the handler has returned, or panicked: the connection
// is the next request's then.
func TestNoDeadlineIsTouchedWhenTheHandlerHasReturned(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		how  func(list *revoker) // the handler goes on after this
		want int
	}{
		"long before":             {func(*revoker) {}, 0},
		"by a panic":              {func(*revoker) { panic(http.ErrAbortHandler) }, 0},
		"just behind":             {func(list *revoker) { list.revoke(); synctest.Wait() }, 2},
		"just behind, by a panic": {func(list *revoker) { list.revoke(); synctest.Wait(); panic(http.ErrAbortHandler) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				list := new(revoker)
				w := newWorld(t, token.WithRevocations(list), token.MaxLifetime(24*time.Hour))
				seen := new(recorder)
				handler := httpHandler(t, w.server(t, interceptor.Authenticated(), interceptor.WithObserver(seen)), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { test.how(list) }))
				writer := &deadlines{ResponseWriter: httptest.NewRecorder(), takes: time.Minute}
				func() {
					defer func() { _ = recover() }()
					handler.ServeHTTP(writer, httpRequest(t, http.MethodGet, unaryCall, bearing("Bearer "+w.issuer.Token())))
				}()
				if got := writer.set(); got != test.want {
					t.Errorf("%d deadlines were set when the handler returned, want %d", got, test.want)
				}
				list.revoke() // and what comes late
				time.Sleep(24 * time.Hour)
				if got := writer.set(); got != test.want {
					t.Errorf("%d deadlines were set in the end, want %d", got, test.want)
				}
				if want := 1 + test.want/2; len(seen.told()) != want {
					t.Errorf("the observer was told %d times, want %d", len(seen.told()), want)
				}
			})
		})
	}
}

func TestTheDeadlinesAreThePastAndTheGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		began := time.Now()
		handler := httpHandler(t, w.server(t, interceptor.Authenticated()), &held{how: untilItsContextEnds})
		writer := &deadlines{ResponseWriter: httptest.NewRecorder()}
		handler.ServeHTTP(writer, httpRequest(t, http.MethodGet, unaryCall, bearing("Bearer "+w.issuer.Token(jwttest.ExpiresIn(10*time.Minute)))))
		writer.mu.Lock()
		defer writer.mu.Unlock()
		if len(writer.read) != 1 || len(writer.write) != 1 {
			t.Fatalf("%v and %v were set", writer.read, writer.write)
		}
		if read := writer.read[0]; read.IsZero() || !read.Before(began) {
			t.Errorf("the deadline for reading is %v", read)
		}
		if left := writer.write[0].Sub(began.Add(lifetime)); left != grace {
			t.Errorf("the handler may write for %v", left)
		}
	})
}

func TestInShadowNoRequestEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, told := newWorld(t), new(recorder)
		service := &held{how: func(_ http.ResponseWriter, r *http.Request) error {
			time.Sleep(1000 * time.Hour)
			return r.Context().Err()
		}}
		handler := httpHandler(t, w.server(t, interceptor.Authenticated(), interceptor.Shadow(told)), service)
		writer := &deadlines{ResponseWriter: httptest.NewRecorder()}
		handler.ServeHTTP(writer, httpRequest(t, http.MethodGet, unaryCall, bearing("Bearer "+w.issuer.Token())))
		if ends := service.endings(); len(ends) != 1 || ends[0].err != nil || writer.set() != 0 {
			t.Errorf("%+v, and %d deadlines were set", ends, writer.set())
		}
		if d := told.told(); len(d) != 1 || !d[0].Ended || !d[0].Shadow || d[0].Reason != token.ReasonExpired {
			t.Errorf("told %+v", d)
		}
	})
}

func TestAnAnonymousRequestDoesNotEnd(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]interceptor.Policy{
		"public": interceptor.Public(unaryCall), "optional": interceptor.Optional(unaryCall),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := &held{how: func(_ http.ResponseWriter, r *http.Request) error {
					time.Sleep(1000 * time.Hour)
					return r.Context().Err()
				}}
				handler := httpHandler(t, newWorld(t).server(t, policy), service)
				wantReason(t, answerOf(t, handler, httpRequest(t, http.MethodGet, unaryCall, nil)), "")
				if ends := service.endings(); len(ends) != 1 || ends[0].err != nil {
					t.Errorf("%+v", ends)
				}
			})
		})
	}
}

func TestARequestWhoseTokenEndsBeforeItIsServedIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, token.WithRevocations(now{}), token.MaxLifetime(24*time.Hour))
		service := &held{how: func(http.ResponseWriter, *http.Request) error { t.Error("served"); return nil }}
		client := serveByPipes(t, httpHandler(t, w.server(t, interceptor.Authenticated()), service), "HTTP/1.1")
		for range 2 {
			if got := client.get(t, w.issuer.Token()); got.StatusCode != http.StatusUnauthorized {
				t.Errorf("status %d: %s", got.StatusCode, got.text)
			}
		}
		time.Sleep(time.Hour)
	})
}

// A connection that the handler took over ends too, as long as the handler has not
// returned: a WebSocket, say.
func TestAHijackedConnectionEndsWithItsToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, seen := newWorld(t), new(recorder)
		service := &held{how: func(w http.ResponseWriter, _ *http.Request) error {
			conn, in, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }()
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					_, last := io.WriteString(conn, "goodbye\n") // there is time for that
					return errors.Join(err, last)
				}
				if _, err := io.WriteString(conn, line); err != nil {
					return err
				}
			}
		}}
		began := time.Now()
		server := w.server(t, interceptor.Authenticated(), interceptor.Name("orders"), interceptor.WithObserver(seen))
		client := serveByPipes(t, httpHandler(t, server, service), "HTTP/1.1")
		conn, err := client.dial(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", unaryCall, w.issuer.Token(jwttest.ExpiresIn(10*time.Minute)))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := io.WriteString(conn, "hello\n"); err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(conn)
		if err != nil || string(said) != "hello\ngoodbye\n" {
			t.Errorf("%v, and the service said %q", err, said)
		}
		wantHTTPEnding(t, service, seen, began.Add(lifetime), httpWay{}, token.ReasonExpired)
		if err := service.endings()[0].err; !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "timeout") {
			t.Errorf("the handler was told %v", err)
		}
	})
}

// gRPC's own server behind HTTPHandler: its caller gets the reason, with and without
// interceptors of its own, whatever its handlers do.
func TestAStreamOfGRPCBehindHTTPHandlerEndsWithItsToken(t *testing.T) {
	t.Parallel()
	for _, k := range kinds()[1:] {
		for name, how := range waysOf(k) {
			if name == "blocked in RecvMsg" && k.name == "server stream" {
				continue // there is nothing to be blocked on: gRPC says io.EOF for ever
			}
			for inner, options := range map[string]func(server *interceptor.Server) []grpc.ServerOption{
				"alone": func(*interceptor.Server) []grpc.ServerOption { return nil }, "with interceptors": (*interceptor.Server).Options,
			} {
				t.Run(k.name+"/"+name+"/"+inner, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						w, service := newWorld(t), &blocked{how: how}
						server := w.server(t, interceptor.Authenticated(), interceptor.Name("orders"))
						behind := grpc.NewServer(options(server)...)
						testpb.RegisterTestServiceServer(behind, service)
						conn := dial(t, nil, grpc.WithContextDialer(serveByPipes(t, httpHandler(t, server, behind), "HTTP/2").dial))
						l := leased{way: name}
						at, err := l.ends(open(t, conn, k, w.issuer.Token(jwttest.ExpiresIn(10*time.Minute))), lifetime+grace)
						if name == flood { // the status can't get past what the client has not read
							if code := status.Code(err); code != codes.Unauthenticated && code != codes.Internal {
								t.Errorf("ended with %v", err)
							}
						} else {
							wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "orders")
						}
						if late := time.Since(at); late > grace {
							t.Errorf("%v late", late)
						}
						time.Sleep(25 * time.Hour) // handlers that sleep wake up
						ends := service.endings()
						if len(ends) != 1 || token.ReasonOf(ends[0].cause) != token.ReasonExpired && ends[0].cause != context.Canceled { //nolint:errorlint // gRPC may be first to cancel, and says no cause
							t.Errorf("%+v", ends)
						}
					})
				})
			}
		}
	}
}

// Whatever a handler of gRPC calls has said of the end, and in whichever way, the
// status is ours, once and in the trailers.
func TestTheStatusOfACallByGRPCThatEndedIsOne(t *testing.T) {
	t.Parallel()
	status := []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"}
	for name, answer := range map[string]func(w http.ResponseWriter){
		"nothing": func(http.ResponseWriter) {},
		"in the headers": func(w http.ResponseWriter) {
			for _, key := range status {
				w.Header().Set(key, "1")
			}
		},
		"in trailers that were declared": func(w http.ResponseWriter) {
			for _, key := range status {
				w.Header().Add("Trailer", key)
			}
			_ = http.NewResponseController(w).Flush()
			for _, key := range status {
				w.Header().Set(key, "1")
			}
		},
		"in trailers that were not": func(w http.ResponseWriter) {
			_ = http.NewResponseController(w).Flush()
			for _, key := range status {
				w.Header().Set(http.TrailerPrefix+key, "1")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				handler := httpHandler(t, w.server(t, interceptor.Authenticated()), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "application/grpc")
					<-r.Context().Done()
					answer(w)
				}))
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://service"+unaryCall, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				r.Header = bearing("Bearer " + w.issuer.Token())
				r.Header.Set("Content-Type", "application/grpc")
				got := exchange(t, serveByPipes(t, handler, "HTTP/2").Client, r)
				for _, key := range status {
					if values := got.Trailer[key]; len(values) != 1 || values[0] == "1" || got.Header.Get(key) != "" {
						t.Errorf("%s is %q in the trailers and %q in the headers", key, values, got.Header[key])
					}
				}
				if got.Trailer.Get("Grpc-Status") != "16" || got.Header.Get("Content-Type") != "application/grpc" {
					t.Errorf("%v, and then %v", got.Header, got.Trailer)
				}
			})
		})
	}
}

// A unary call of gRPC's own server by HTTP is a request like any other.
func TestAUnaryCallOfGRPCBehindHTTPHandlerEndsWithItsToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		behind := grpc.NewServer()
		testpb.RegisterTestServiceServer(behind, patientUnary{})
		handler := httpHandler(t, w.server(t, interceptor.Authenticated(), interceptor.Name("orders")), behind)
		conn := dial(t, nil, grpc.WithContextDialer(serveByPipes(t, handler, "HTTP/2").dial))
		err := callUnary(withToken(t.Context(), w.issuer.Token()), testpb.NewTestServiceClient(conn))
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "orders")
	})
}

// patientUnary serves unary calls that end with their context only.
type patientUnary struct {
	testpb.UnimplementedTestServiceServer
}

func (patientUnary) UnaryCall(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// What is no call by gRPC has no trailers of gRPC's, whatever its headers say.
func TestARequestThatIsNoCallEndsWithoutAStatusOfGRPC(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		handler := httpHandler(t, w.server(t, interceptor.Authenticated()), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			_, _ = io.WriteString(w, "goodbye")
		}))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://service"+unaryCall, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = bearing("Bearer " + w.issuer.Token())
		r.Header.Set("Content-Type", "application/grpc")
		got := exchange(t, serveByPipes(t, handler, "HTTP/2").Client, r)
		if len(got.Trailer) > 0 || strings.HasPrefix(got.Header.Get("Content-Type"), "application/grpc") || got.text != "goodbye" {
			t.Errorf("%v, %q, and then %v", got.Header, got.text, got.Trailer)
		}
	})
}
