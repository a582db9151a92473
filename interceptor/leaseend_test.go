package interceptor_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// slowTransport is gRPC's side of a stream that takes its time to tell the caller.
type slowTransport struct {
	takes          time.Duration
	begun, written atomic.Int64 // statuses
}

func (*slowTransport) Method() string             { return kinds()[3].method }
func (*slowTransport) SetHeader(grpcmd.MD) error  { return nil }
func (*slowTransport) SendHeader(grpcmd.MD) error { return nil }
func (*slowTransport) SetTrailer(grpcmd.MD) error { return nil }
func (s *slowTransport) WriteStatus(*status.Status) error {
	s.begun.Add(1)
	time.Sleep(s.takes)
	s.written.Add(1)
	return nil
}

// serveOver has server serve a stream over the transport, by handler.
func serveOver(t *testing.T, server *interceptor.Server, transport *slowTransport, raw string, handler func(ctx context.Context)) error {
	t.Helper()
	ctx := grpc.NewContextWithServerTransportStream(carrying(t.Context(), raw), transport)
	info := &grpc.StreamServerInfo{FullMethod: transport.Method()}
	return server.StreamInterceptor(nil, alone{ctx: ctx}, info, func(_ any, stream grpc.ServerStream) error {
		handler(stream.Context())
		return nil
	})
}

// A stream is gRPC's again when its interceptor has returned, so nothing of ours may
// be writing to it then, be it that the handler returned or that it panicked.
func TestTheHandlersReturnDoesNotOvertakeTheStatus(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]func(){"returns": func() {}, "panics": func() { panic("a mistake") }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, transport := newWorld(t), &slowTransport{takes: time.Minute}
				defer func() {
					_ = recover()
					if begun, written := transport.begun.Load(), transport.written.Load(); begun != 1 || written != 1 {
						t.Errorf("%d statuses were begun and %d written when the interceptor returned", begun, written)
					}
					time.Sleep(time.Hour)
				}()
				err := serveOver(t, w.server(t, interceptor.Authenticated()), transport, w.issuer.Token(), func(ctx context.Context) {
					<-ctx.Done()
					synctest.Wait() // the status is being written
					after()
				})
				wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "")
			})
		})
	}
}

// What comes after the handler, returned or panicked, is too late: a list that calls
// although it was told to stop, or was calling just then.
func TestAnEndThatComesLateTouchesNothing(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]func(){"returned": func() {}, "panicked": func() { panic("a mistake") }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				list, transport, seen := new(revoker), new(slowTransport), new(recorder)
				w := newWorld(t, token.WithRevocations(list), token.MaxLifetime(24*time.Hour))
				func() {
					defer func() { _ = recover() }()
					server := w.server(t, interceptor.Authenticated(), interceptor.WithObserver(seen))
					_ = serveOver(t, server, transport, w.issuer.Token(), func(context.Context) { after() })
				}()
				if left := list.watching(); left != 0 {
					t.Errorf("%d tokens are watched still", left)
				}
				list.revoke()
				time.Sleep(24 * time.Hour)
				if begun, told := transport.begun.Load(), seen.told(); begun != 0 || len(told) != 1 {
					t.Errorf("%d statuses were written, and the observer was told %+v", begun, told)
				}
			})
		})
	}
}

// TestTheContextOfAStreamIsOverWhenItReturned, so that what waits for it goes on,
// and the context of the connection lets go of it.
func TestTheContextOfAStreamIsOverWhenItReturned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var cause func() error
	err := serveOver(t, w.server(t, interceptor.Authenticated()), new(slowTransport), w.issuer.Token(), func(ctx context.Context) {
		cause = func() error { return context.Cause(ctx) }
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := cause(); got != context.Canceled { //nolint:errorlint // itself, and nothing that wraps it
		t.Errorf("it ended for %v", got)
	}
}

// TestAStreamThatReturnedIsForgotten, long before its token ends: a timer that was
// left would hold all of it for as long.
func TestAStreamThatReturnedIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // whose timers are its own
		w := newWorld(t)
		server := w.server(t, interceptor.Authenticated())
		held := served(t, server, w.issuer.Token(jwttest.ExpiresIn(24*time.Hour)))
		for range 3 { // the runtime drops a stopped timer when it next looks at timers
			time.Sleep(time.Hour)
		}
		if stays(held) {
			t.Error("what the stream's context holds is still there")
		}
	})
}

// stays reports whether anything holds on to what is pointed to.
func stays(held weak.Pointer[[1 << 10]byte]) bool {
	for range 10 {
		if runtime.GC(); held.Value() == nil {
			return false
		}
	}
	return true
}

// served serves a stream with something in its context, and returns that.
func served(t *testing.T, server *interceptor.Server, raw string) weak.Pointer[[1 << 10]byte] {
	t.Helper()
	type key struct{}
	large := new([1 << 10]byte)
	ctx := context.WithValue(carrying(context.WithoutCancel(t.Context()), raw), key{}, large)
	info := &grpc.StreamServerInfo{FullMethod: kinds()[3].method}
	if err := server.StreamInterceptor(nil, alone{ctx: ctx}, info, func(any, grpc.ServerStream) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return weak.Make(large)
}

// TestAStreamGoesByTheClockOfItsServer, which may not be the machine's.
func TestAStreamGoesByTheClockOfItsServer(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"ahead": 5 * time.Minute, "behind": -5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				clock := func() time.Time { return time.Now().Add(ahead) }
				w := newWorld(t, token.WithClock(clock))
				raw := w.issuer.Token(jwttest.IssuedAt(time.Now().Add(-time.Hour)), jwttest.ExpiresIn(10*time.Minute))
				began := time.Now()
				err := serveOver(t, w.server(t, interceptor.Authenticated()), new(slowTransport), raw, func(ctx context.Context) { <-ctx.Done() })
				wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "")
				if lived := time.Since(began); lived != lifetime-ahead {
					t.Errorf("the stream lived %v, want %v", lived, lifetime-ahead)
				}
			})
		})
	}
}

// heavy is a ResponseWriter that holds something.
type heavy struct {
	http.ResponseWriter
	large *[1 << 10]byte
}

// TestAContextThatLivesOnLetsGoOfTheResponse: that of work which outlives a request.
func TestAContextThatLivesOnLetsGoOfTheResponse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var kept context.Context
	held := func() weak.Pointer[[1 << 10]byte] {
		large := new([1 << 10]byte)
		next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { kept = context.WithoutCancel(r.Context()) }) //nolint:fatcontext // to be kept is what is tested
		handler := httpHandler(t, w.server(t, interceptor.Authenticated()), next)
		handler.ServeHTTP(heavy{httptest.NewRecorder(), large}, httpRequest(t, http.MethodGet, unaryCall, bearing("Bearer "+w.issuer.Token()))) //nolint:contextcheck // a request has its own
		return weak.Make(large)
	}()
	if stays(held) {
		t.Error("the response is still there")
	}
	runtime.KeepAlive(kept)
}

// TestAContextMayBePrintedWhileItEnds, by a mock say, and says what contexts say.
func TestAContextMayBePrintedWhileItEnds(t *testing.T) {
	t.Parallel()
	list := new(revoker)
	w := newWorld(t, token.WithRevocations(list), token.MaxLifetime(24*time.Hour))
	err := serveOver(t, w.server(t, interceptor.Authenticated()), new(slowTransport), w.issuer.Token(), func(ctx context.Context) {
		list.revoke()
		for ctx.Err() == nil {
			if text := fmt.Sprint(ctx); !strings.HasSuffix(text, ".WithLease") {
				t.Errorf("it is printed as %s", text)
				return
			}
		}
	})
	wantRefusal(t, err, codes.Unauthenticated, token.ReasonRevoked, "")
}
