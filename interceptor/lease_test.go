package interceptor_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// blocked serves streams in a way of its own, and remembers how they ended.
type blocked struct {
	testpb.UnimplementedTestServiceServer
	how func(stream grpc.ServerStream) error

	mu    sync.Mutex
	ended []ending
}

// ending is what a handler saw of the end of its stream.
type ending struct {
	at    time.Time
	err   error // that the stream gave it
	cause error // of its context
}

func (b *blocked) serve(stream grpc.ServerStream) error {
	err := b.how(stream)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = append(b.ended, ending{time.Now(), err, context.Cause(stream.Context())})
	return err
}

// endings returns how streams have ended so far.
func (b *blocked) endings() []ending {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.ended)
}

func (b *blocked) StreamingOutputCall(_ *testpb.StreamingOutputCallRequest, stream grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error {
	return b.serve(stream)
}

func (b *blocked) StreamingInputCall(stream grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse]) error {
	return b.serve(stream)
}

func (b *blocked) FullDuplexCall(stream grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]) error {
	return b.serve(stream)
}

// waysOf are the ways in which the handler of a kind of stream may be when its
// token ends.
func waysOf(k kind) map[string]func(stream grpc.ServerStream) error {
	all := ways()
	if k.name == "client stream" { // which is answered once, at its end
		delete(all, flood)
		delete(all, "sending now and then")
	}
	return all
}

func ways() map[string]func(stream grpc.ServerStream) error {
	return map[string]func(stream grpc.ServerStream) error{
		"waiting for its context": func(stream grpc.ServerStream) error {
			<-stream.Context().Done()
			return stream.Context().Err()
		},
		"waiting, and saying OK": func(stream grpc.ServerStream) error {
			<-stream.Context().Done()
			return nil
		},
		"blocked in RecvMsg": func(stream grpc.ServerStream) error {
			for {
				if err := stream.RecvMsg(new(testpb.StreamingInputCallRequest)); err != nil && !errors.Is(err, io.EOF) {
					return err
				}
				if stream.Context().Err() == nil && isEOF(stream) {
					<-stream.Context().Done() // the client has nothing more to say, and waits
				}
			}
		},
		flood: func(stream grpc.ServerStream) error {
			body := &testpb.StreamingOutputCallResponse{Payload: &testpb.Payload{Body: make([]byte, 1<<15)}}
			for {
				if err := stream.SendMsg(body); err != nil {
					return err
				}
			}
		},
		"sending now and then": func(stream grpc.ServerStream) error {
			for {
				if err := stream.SendMsg(new(testpb.StreamingOutputCallResponse)); err != nil {
					return err
				}
				time.Sleep(time.Second)
			}
		},
		"asleep past the end": func(grpc.ServerStream) error {
			time.Sleep(24 * time.Hour)
			return nil
		},
		"asleep, and then sending": func(stream grpc.ServerStream) error {
			time.Sleep(24 * time.Hour)
			return stream.SendMsg(new(testpb.StreamingOutputCallResponse))
		},
		"asleep, and then receiving": func(stream grpc.ServerStream) error {
			time.Sleep(24 * time.Hour)
			return stream.RecvMsg(new(testpb.StreamingInputCallRequest))
		},
	}
}

// isEOF reports whether the client has said all.
func isEOF(stream grpc.ServerStream) bool {
	return errors.Is(stream.RecvMsg(new(testpb.StreamingInputCallRequest)), io.EOF)
}

// opened is one stream as its client sees it.
type opened struct {
	grpc.ClientStream
	began time.Time
}

// open opens a stream of the given kind and sends nothing but what that needs.
func open(t *testing.T, client grpc.ClientConnInterface, k kind, raw string) opened {
	t.Helper()
	ctx, cancel := context.WithCancel(withToken(t.Context(), raw))
	t.Cleanup(cancel)
	desc := &grpc.StreamDesc{ServerStreams: k.name != "client stream", ClientStreams: k.name != "server stream"}
	stream, err := client.NewStream(ctx, desc, k.method)
	if err != nil {
		t.Fatal(err)
	}
	if k.name == "server stream" {
		if err := errors.Join(stream.SendMsg(new(testpb.StreamingOutputCallRequest)), stream.CloseSend()); err != nil {
			t.Fatal(err)
		}
	}
	return opened{stream, time.Now()}
}

// withToken returns a context for calls with the token, or without if it is "".
func withToken(ctx context.Context, raw string) context.Context {
	if raw == "" {
		return ctx
	}
	return grpcmd.AppendToOutgoingContext(ctx, "authorization", "Bearer "+raw)
}

// end reads until the stream ends, and returns when and how.
func (o opened) end() (time.Time, error) {
	for {
		if err := o.RecvMsg(new(testpb.StreamingOutputCallResponse)); err != nil {
			return time.Now(), err
		}
	}
}

// leased is what a row about a stream and its token works with, in a bubble.
type leased struct {
	world
	*blocked
	raw  string
	conn grpc.ClientConnInterface
	seen *recorder
	k    kind
	way  string
}

// flood is the way in which time would stand still if the client read.
const flood = "blocked in SendMsg"

// ends waits as a client for the end of the stream, which is due after so long.
func (l leased) ends(stream opened, due time.Duration) (time.Time, error) {
	if l.way != flood {
		return stream.end()
	}
	time.Sleep(due)
	at := time.Now()
	synctest.Wait()
	_, err := stream.end()
	return at, err
}

// eachStream runs test for each kind of stream and each way of being blocked.
func eachStream(t *testing.T, revocations token.Revocations, test func(t *testing.T, l leased)) {
	t.Helper()
	for _, k := range kinds()[1:] {
		for name, how := range waysOf(k) {
			t.Run(k.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var options []token.VerifierOption
					if revocations != nil {
						options = append(options, token.WithRevocations(revocations), token.MaxLifetime(24*time.Hour))
					}
					w := newWorld(t, options...)
					seen := new(recorder)
					service := &blocked{how: how}
					server := w.server(t, interceptor.Authenticated(), interceptor.Name("orders"), interceptor.WithObserver(seen))
					conn := serveConn(t, service, server.Options()...)
					test(t, leased{w, service, w.issuer.Token(jwttest.ExpiresIn(10 * time.Minute)), conn, seen, k, name})
				})
			})
		}
	}
}

const lifetime = 10*time.Minute + 30*time.Second // with the leeway

func TestAnOpenStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	eachStream(t, nil, func(t *testing.T, l leased) {
		stream := open(t, l.conn, l.k, l.raw)
		at, err := l.ends(stream, lifetime)
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "orders")
		if lived := at.Sub(stream.began); lived > lifetime || lived < lifetime-time.Second {
			t.Errorf("the stream lived %v", lived)
		}
		wantEnding(t, l, token.ReasonExpired)
	})
}

// wantEnding checks what the handler and the observer learn of the one stream.
func wantEnding(t *testing.T, l leased, reason token.Reason) {
	t.Helper()
	time.Sleep(25 * time.Hour) // handlers that sleep wake up
	ends := l.endings()
	if len(ends) != 1 {
		t.Fatalf("%d handlers have ended", len(ends))
	}
	var verdict *token.Error
	if !errors.As(ends[0].cause, &verdict) || verdict.Reason() != reason {
		t.Errorf("the cause of the handler's context is %v", ends[0].cause)
	}
	if refusal, ok := interceptor.RefusalFrom(ends[0].cause); !ok || refusal.Reason != reason {
		t.Errorf("it reads as %+v", refusal)
	}
	if err := ends[0].err; err != nil && !errors.Is(err, context.Canceled) {
		if refusal, ok := interceptor.RefusalFrom(err); !ok || refusal.Reason != reason {
			t.Errorf("the handler was told %v", err)
		}
	}
	l.seen.mu.Lock()
	defer l.seen.mu.Unlock()
	if len(l.seen.decisions) != 2 {
		t.Fatalf("the observer was told %+v", l.seen.decisions)
	}
	first, last := l.seen.decisions[0], l.seen.decisions[1]
	if first.Ended || first.Reason != "" || !last.Ended || last.Reason != reason || last.Err == nil ||
		last.Method != l.k.method || last.Hop != "orders" || last.Fingerprint != first.Fingerprint || last.Token != first.Token {
		t.Errorf("the observer was told %+v, then %+v", first, last)
	}
}

// A client that never reads learns the end only behind what was sent before; its
// handler ends all the same.
func TestTheHandlerOfAClientThatNeverReadsEnds(t *testing.T) {
	t.Parallel()
	eachStream(t, nil, func(t *testing.T, l leased) {
		open(t, l.conn, l.k, l.raw)
		time.Sleep(lifetime)
		wantEnding(t, l, token.ReasonExpired)
	})
}

func TestAStreamThatEndsBeforeItsTokenIsItsOwn(t *testing.T) {
	t.Parallel()
	for name, wanted := range map[string]error{"well": nil, "badly": status.Error(codes.NotFound, "no such order")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				seen := new(recorder)
				service := &blocked{how: func(grpc.ServerStream) error { return wanted }}
				conn := serveConn(t, service, w.server(t, interceptor.Authenticated(), interceptor.WithObserver(seen)).Options()...)
				_, err := open(t, conn, kinds()[3], w.issuer.Token()).end()
				if wanted == nil && !errors.Is(err, io.EOF) || wanted != nil && status.Code(err) != codes.NotFound {
					t.Errorf("ended with %v", err)
				}
				time.Sleep(24 * time.Hour)
				if ends := service.endings(); len(ends) != 1 || len(seen.decisions) != 1 {
					t.Errorf("%+v, and the observer was told %d times", ends, len(seen.decisions))
				}
			})
		})
	}
}

func TestAnAnonymousStreamDoesNotEnd(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]interceptor.Policy{
		"public": interceptor.Public(kinds()[3].method), "optional": interceptor.Optional(kinds()[3].method),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := &blocked{how: ways()["waiting for its context"]}
				conn := serveConn(t, service, newWorld(t).server(t, policy).Options()...)
				open(t, conn, kinds()[3], "")
				time.Sleep(1000 * time.Hour)
				if ends := service.endings(); len(ends) != 0 {
					t.Errorf("%+v", ends)
				}
			})
		})
	}
}

func TestInShadowNoStreamEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, told := newWorld(t), new(recorder)
		service := &blocked{how: ways()["waiting for its context"]}
		conn := serveConn(t, service, w.server(t, interceptor.Authenticated(), interceptor.Shadow(told)).Options()...)
		open(t, conn, kinds()[3], w.issuer.Token())
		time.Sleep(1000 * time.Hour)
		if ends := service.endings(); len(ends) != 0 {
			t.Errorf("%+v", ends)
		}
		told.mu.Lock()
		defer told.mu.Unlock()
		if len(told.decisions) != 1 || !told.decisions[0].Ended || !told.decisions[0].Shadow || told.decisions[0].Reason != token.ReasonExpired {
			t.Errorf("told %+v", told.decisions)
		}
	})
}

// A handler that panics is recovered by whoever does that, and nothing of the
// lease is left.
func TestAHandlerThatPanicsLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		seen := new(recorder)
		service := &blocked{how: func(grpc.ServerStream) error { panic("a mistake") }}
		recovering := grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
			defer func() {
				if recover() != nil {
					err = status.Error(codes.Internal, "recovered")
				}
			}()
			return handler(srv, stream)
		})
		options := append([]grpc.ServerOption{recovering}, w.server(t, interceptor.Authenticated(), interceptor.WithObserver(seen)).Options()...)
		_, err := open(t, serveConn(t, service, options...), kinds()[3], w.issuer.Token()).end()
		if status.Code(err) != codes.Internal {
			t.Errorf("ended with %v", err)
		}
		time.Sleep(24 * time.Hour)
		if len(seen.decisions) != 1 {
			t.Errorf("told %+v", seen.decisions)
		}
	})
}

// revoker revokes tokens when it is told to.
type revoker struct {
	mu      sync.Mutex
	revoked bool
	ended   []func()
	watched int // now
}

func (r *revoker) Revoked(*token.Token) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revoked, nil
}

func (r *revoker) Covers(_, _ time.Duration) error { return nil }

func (r *revoker) OnRevoked(_ *token.Token, ended func()) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watched++
	if r.revoked {
		go ended()
	}
	r.ended = append(r.ended, ended)
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.watched--
	})
}

func (r *revoker) revoke() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revoked = true
	for _, ended := range r.ended {
		go ended()
	}
}

func TestAnOpenStreamEndsWhenItsTokenIsRevoked(t *testing.T) {
	t.Parallel()
	for _, k := range kinds()[1:] {
		for name, how := range waysOf(k) {
			t.Run(k.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					list := new(revoker)
					w := newWorld(t, token.WithRevocations(list), token.MaxLifetime(24*time.Hour))
					seen := new(recorder)
					service := &blocked{how: how}
					server := w.server(t, interceptor.Authenticated(), interceptor.Name("orders"), interceptor.WithObserver(seen))
					l := leased{w, service, w.issuer.Token(jwttest.ExpiresIn(10 * time.Minute)), serveConn(t, service, server.Options()...), seen, k, name}
					stream := open(t, l.conn, k, l.raw)
					time.AfterFunc(time.Minute, list.revoke)
					at, err := l.ends(stream, time.Minute)
					wantRefusal(t, err, codes.Unauthenticated, token.ReasonRevoked, "orders")
					if lived := at.Sub(stream.began); lived != time.Minute {
						t.Errorf("the stream lived %v", lived)
					}
					wantEnding(t, l, token.ReasonRevoked)
					if list.watched != 0 {
						t.Errorf("%d tokens are watched still", list.watched)
					}
				})
			})
		}
	}
}

// gRPC's own server by net/http: the status goes out although the handler sleeps.
func TestAStreamOverServeHTTPEndsWithItsToken(t *testing.T) {
	t.Parallel()
	list := new(revoker)
	w := newWorld(t, token.WithRevocations(list), token.MaxLifetime(24*time.Hour))
	asleep := make(chan struct{})
	service := &blocked{how: func(grpc.ServerStream) error { <-asleep; return nil }}
	server := grpc.NewServer(w.server(t, interceptor.Authenticated(), interceptor.Name("orders")).Options()...)
	testpb.RegisterTestServiceServer(server, service)
	web := serveHTTP2(t, server)
	trusted := x509.NewCertPool()
	trusted.AddCert(web.Certificate())
	conn, err := grpc.NewClient(web.Listener.Addr().String(), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(trusted, "example.com")))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	defer close(asleep)
	stream := open(t, conn, kinds()[3], w.issuer.Token())
	time.AfterFunc(10*time.Millisecond, list.revoke)
	_, ended := stream.end()
	wantRefusal(t, ended, codes.Unauthenticated, token.ReasonRevoked, "orders")
}

// alone is a stream without gRPC's transport behind it, as a mock is, or as a
// gRPC that offers less would be.
type alone struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // a grpc.ServerStream
}

func (a alone) Context() context.Context { return a.ctx }
func (alone) RecvMsg(any) error          { return nil }
func (alone) SendMsg(any) error          { return nil }

func TestAStreamWithoutATransportEndsWithItsToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		server := w.server(t, interceptor.Authenticated())
		ctx := grpcmd.NewIncomingContext(t.Context(), grpcmd.Pairs("authorization", "Bearer "+w.issuer.Token(jwttest.ExpiresIn(10*time.Minute))))
		info := &grpc.StreamServerInfo{FullMethod: kinds()[3].method}
		err := server.StreamInterceptor(nil, alone{ctx: ctx}, info, func(_ any, stream grpc.ServerStream) error {
			if err := errors.Join(stream.SendMsg(nil), stream.RecvMsg(nil)); err != nil {
				t.Errorf("before the end: %v", err)
			}
			time.Sleep(lifetime)
			synctest.Wait()
			for _, err := range []error{stream.SendMsg(nil), stream.RecvMsg(nil), context.Cause(stream.Context())} {
				if refusal, ok := interceptor.RefusalFrom(err); !ok || refusal.Reason != token.ReasonExpired {
					t.Errorf("after the end: %v", err)
				}
			}
			return nil
		})
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "")
	})
}

// now is a list of revoked tokens that calls those who watch at once, as the
// contract says, and twice, as it doesn't.
type now struct{}

func (now) Revoked(*token.Token) (bool, error) { return false, nil }
func (now) Covers(_, _ time.Duration) error    { return nil }
func (now) OnRevoked(_ *token.Token, ended func()) (stop func()) {
	ended()
	ended()
	time.AfterFunc(time.Minute, ended) // and long after
	return nil
}

// A token that is revoked while it is verified opens nothing.
func TestAStreamWhoseTokenEndsBeforeItOpensIsNotServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, token.WithRevocations(now{}), token.MaxLifetime(24*time.Hour))
		seen := new(recorder)
		service := &blocked{how: func(grpc.ServerStream) error { t.Error("served"); return nil }}
		conn := serveConn(t, service, w.server(t, interceptor.Authenticated(), interceptor.WithObserver(seen)).Options()...)
		_, err := open(t, conn, kinds()[3], w.issuer.Token()).end()
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonRevoked, "")
		time.Sleep(time.Hour)
		seen.mu.Lock()
		defer seen.mu.Unlock()
		if len(seen.decisions) != 2 {
			t.Errorf("told %+v", seen.decisions)
		}
	})
}

// meddler is an observer that revokes when a stream ends.
type meddler struct{ revoke func() }

func (m meddler) Decided(_ context.Context, d interceptor.Decision) {
	if d.Ended {
		m.revoke()
	}
}
func (meddler) Relayed(context.Context, interceptor.Relayed) {}

// inOrder is a list of revoked tokens that calls one after the other.
type inOrder struct{ revoker }

func (r *inOrder) revoke() {
	r.mu.Lock()
	all := slices.Clone(r.ended)
	r.mu.Unlock()
	for _, ended := range all {
		ended()
	}
}

func TestAnObserverMayRevokeWhenAStreamEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		list := new(inOrder)
		w := newWorld(t, token.WithRevocations(list), token.MaxLifetime(24*time.Hour))
		service := &blocked{how: ways()["waiting for its context"]}
		conn := serveConn(t, service, w.server(t, interceptor.Authenticated(), interceptor.WithObserver(meddler{list.revoke})).Options()...)
		one, other := open(t, conn, kinds()[3], w.issuer.Token()), open(t, conn, kinds()[3], w.issuer.Token())
		synctest.Wait()
		list.revoke()
		for _, stream := range []opened{one, other} {
			_, err := stream.end()
			wantRefusal(t, err, codes.Unauthenticated, token.ReasonRevoked, "")
		}
	})
}

// A caller who had gone is not reported as one whose token ended.
func TestAStreamWhoseCallerHadGoneIsNotReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, seen := newWorld(t), new(recorder)
		service := &blocked{how: ways()["asleep past the end"]}
		conn := serveConn(t, service, w.server(t, interceptor.Authenticated(), interceptor.WithObserver(seen)).Options()...)
		ctx, cancel := context.WithCancel(withToken(t.Context(), w.issuer.Token()))
		if _, err := testpb.NewTestServiceClient(conn).FullDuplexCall(ctx); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		time.Sleep(30 * time.Hour)
		seen.mu.Lock()
		defer seen.mu.Unlock()
		if len(seen.decisions) != 1 {
			t.Errorf("told %+v", seen.decisions)
		}
	})
}

// With HideHops no stream's end names the service.
func TestTheEndOfAStreamHidesTheHop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		service := &blocked{how: ways()["asleep past the end"]}
		server := w.server(t, interceptor.Authenticated(), interceptor.Name("orders"), interceptor.HideHops())
		_, err := open(t, serveConn(t, service, server.Options()...), kinds()[3], w.issuer.Token()).end()
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "")
		time.Sleep(30 * time.Hour)
	})
}
