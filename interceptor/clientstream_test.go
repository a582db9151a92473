package interceptor_test

import (
	"context"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// patient serves streams that end with their context only.
type patient struct {
	testpb.UnimplementedTestServiceServer
	failure error // if not nil, they end with it at once
}

func (p *patient) wait(ctx context.Context) error {
	if p.failure != nil {
		return p.failure
	}
	<-ctx.Done()
	return ctx.Err()
}

func (p *patient) StreamingOutputCall(_ *testpb.StreamingOutputCallRequest, stream grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error {
	return p.wait(stream.Context())
}

func (p *patient) StreamingInputCall(stream grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse]) error {
	return p.wait(stream.Context())
}

func (p *patient) FullDuplexCall(stream grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]) error {
	return p.wait(stream.Context())
}

// streaming is what a row about streams works with. It lives in a bubble of
// its own, with a clock that only moves when everybody waits.
type streaming struct {
	world
	token  *token.Token
	dial   func(options ...grpc.DialOption) testpb.TestServiceClient
	client testpb.TestServiceClient
	seen   *recorder // what the relay's observer is told
}

// inBubble runs test for each kind of stream. That no goroutine is left at its
// end is checked by the bubble.
func inBubble(t *testing.T, upstream *patient, test func(t *testing.T, s streaming, k kind)) {
	t.Helper()
	for _, k := range kinds()[1:] {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				verified := w.verified(t)
				seen := new(recorder)
				relay := append(newClient(t, interceptor.WithObserver(seen)).DialOptions(), private())
				listening := serve(t, upstream)
				dial := func(options ...grpc.DialOption) testpb.TestServiceClient {
					return listening(slices.Concat(relay, options)...)
				}
				test(t, streaming{w, verified, dial, dial(), seen}, k)
			})
		})
	}
}

func TestARelayedStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	inBubble(t, &patient{}, func(t *testing.T, s streaming, k kind) {
		began := time.Now()
		err := k.call(token.NewContext(t.Context(), s.token), s.client)
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "")
		if lived, want := time.Since(began), s.token.ValidUntil().Sub(began); lived != want {
			t.Errorf("the stream lived %v, want %v", lived, want)
		}
		if token.ReasonOf(err) != token.ReasonExpired {
			t.Errorf("the reason can't be found in %T", err)
		}
		wantTold(t, s.seen, k, "", token.ReasonExpired)
	})
}

// wantTold checks that the observer was told these things about one stream with
// a verified token, one after the other.
func wantTold(t *testing.T, seen *recorder, k kind, reasons ...token.Reason) {
	t.Helper()
	synctest.Wait() // the cut is told by a goroutine of its own
	seen.mu.Lock()
	defer seen.mu.Unlock()
	var told []token.Reason
	for _, got := range seen.relayed {
		told = append(told, got.Reason)
		if got.Method != k.method || got.Target != "passthrough:///next" || got.Sent != interceptor.SentVerified ||
			(got.Err != nil) != (got.Reason != "") {
			t.Errorf("the observer is told %+v", got)
		}
	}
	if !slices.Equal(told, reasons) {
		t.Errorf("the observer is told %q, want %q", told, reasons)
	}
}

func TestAStreamThatWaitsForAConnectionEndsWithItsToken(t *testing.T) {
	t.Parallel()
	inBubble(t, &patient{}, func(t *testing.T, s streaming, k kind) {
		client := s.dial(grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return nil, net.ErrClosed }))
		err := k.call(token.NewContext(t.Context(), s.token), client, grpc.WaitForReady(true))
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "")
		if late := time.Since(s.token.ValidUntil()); late != 0 {
			t.Errorf("the stream ended %v after its token", late)
		}
		wantTold(t, s.seen, k, token.ReasonExpired)
	})
}

// TestAStreamWithTheCallersCredentialIsNotCut has a token that ends while the
// stream lives: what was sent is another's, and isn't read.
func TestAStreamWithTheCallersCredentialIsNotCut(t *testing.T) {
	t.Parallel()
	inBubble(t, &patient{}, func(t *testing.T, s streaming, k kind) {
		ctx, cancel := context.WithTimeout(token.NewContext(t.Context(), s.token), 24*time.Hour)
		defer cancel()
		wantRefusal(t, k.call(ctx, s.client, grpc.PerRPCCredentials(own{})), codes.DeadlineExceeded, "", "")
	})
}

// TestAStreamThatEndedFirstSaysItsOwnEnd lets the token end before anyone reads
// how the stream did.
func TestAStreamThatEndedFirstSaysItsOwnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, interceptor.WithSource(fixed("Bearer x", time.Now().Add(time.Hour))))
		upstream := serve(t, &patient{failure: status.Error(codes.NotFound, "no such order")})(append(client.DialOptions(), private())...)
		stream, err := upstream.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		wantRefusal(t, drain(stream), codes.NotFound, "", "")
	})
}

func TestTheCallersOwnEndStaysItsOwn(t *testing.T) {
	t.Parallel()
	inBubble(t, &patient{}, func(t *testing.T, s streaming, k kind) {
		ctx, cancel := context.WithTimeout(token.NewContext(t.Context(), s.token), time.Minute)
		defer cancel()
		wantRefusal(t, k.call(ctx, s.client), codes.DeadlineExceeded, "", "")

		ctx, cancel = context.WithCancel(token.NewContext(t.Context(), s.token))
		time.AfterFunc(time.Minute, cancel)
		wantRefusal(t, k.call(ctx, s.client), codes.Canceled, "", "")
	})
}

func TestAStreamThatEndsByItselfSaysWhy(t *testing.T) {
	t.Parallel()
	upstream := &patient{failure: status.Error(codes.NotFound, "no such order")}
	inBubble(t, upstream, func(t *testing.T, s streaming, k kind) {
		wantRefusal(t, k.call(token.NewContext(t.Context(), s.token), s.client), codes.NotFound, "", "")
		time.Sleep(24 * time.Hour) // and when its token ends, there is nothing to cut
		wantTold(t, s.seen, k, "")
	})
}

func TestAPassedOnTokenIsNotReadAndCutsNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, &patient{}, func(t *testing.T, s streaming, k kind) {
		ctx := grpcmd.NewIncomingContext(t.Context(), grpcmd.Pairs("authorization", s.token.Authorization()))
		ctx, cancel := context.WithTimeout(ctx, 24*time.Hour)
		defer cancel()
		wantRefusal(t, k.call(ctx, s.client), codes.DeadlineExceeded, "", "")
	})
}

func TestASourcesStreamEndsWithItsCredential(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, interceptor.WithSource(fixed("Bearer x", time.Now().Add(time.Hour))))
		upstream := serve(t, &patient{})(append(client.DialOptions(), private())...)
		wantRefusal(t, callBidi(t.Context(), upstream), codes.Unavailable, interceptor.ReasonCredentialUnavailable, "")
	})
}

// TestAStreamThatEndsFreesItsTimer looks at the context of each stream, which
// the timer would otherwise keep alive for as long as the token.
func TestAStreamThatEndsFreesItsTimer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	for name, upstream := range map[string]testpb.TestServiceServer{
		"served":  &service{},
		"refused": &patient{failure: status.Error(codes.NotFound, "no such order")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, k := range kinds()[1:] {
				ended := make(chan struct{})
				spy := func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
					context.AfterFunc(ctx, func() { close(ended) })
					return streamer(ctx, desc, cc, method, opts...)
				}
				client := serve(t, upstream)(append(newClient(t).DialOptions(), private(), grpc.WithChainStreamInterceptor(spy))...)
				_ = k.call(token.NewContext(context.WithoutCancel(t.Context()), verified), client)
				<-ended
			}
		})
	}
}

func TestAStreamThatCantBeOpenedFreesItsTimer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	var ended func() error
	fails := func(ctx context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, _ grpc.Streamer, _ ...grpc.CallOption) (grpc.ClientStream, error) {
		ended = ctx.Err
		return nil, status.Error(codes.Unavailable, "no connection")
	}
	client := serve(t, &service{})(append(newClient(t).DialOptions(), grpc.WithChainStreamInterceptor(fails))...)
	err := callBidi(token.NewContext(t.Context(), verified), client)
	wantRefusal(t, err, codes.Unavailable, "", "")
	if ended() == nil {
		t.Error("the context of the stream lives on")
	}
}

// TestTheCallersCredentialsOutliveTheToken calls with credentials of the
// caller's in the context of a token that has ended.
func TestTheCallersCredentialsOutliveTheToken(t *testing.T) {
	t.Parallel()
	inBubble(t, &patient{}, func(t *testing.T, s streaming, k kind) {
		time.Sleep(24 * time.Hour)
		b := &service{}
		client := serve(t, b)(append(newClient(t).DialOptions(), private())...)
		ctx := token.NewContext(t.Context(), s.token)
		if err := k.call(ctx, client, grpc.PerRPCCredentials(own{})); err != nil {
			t.Fatal(err)
		}
		wantArrived(t, b, true, "Bearer own")
		err := k.call(ctx, client, grpc.PerRPCCredentials(apiKey{}))
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "")
	})
}

// TestAStreamWithBothCredentialsEndsWithTheToken has credentials of the caller's
// for another header, beside the token.
func TestAStreamWithBothCredentialsEndsWithTheToken(t *testing.T) {
	t.Parallel()
	inBubble(t, &patient{}, func(t *testing.T, s streaming, k kind) {
		ctx, cancel := context.WithTimeout(token.NewContext(t.Context(), s.token), 24*time.Hour)
		defer cancel()
		began := time.Now()
		err := k.call(ctx, s.client, grpc.PerRPCCredentials(apiKey{}))
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "")
		if lived, want := time.Since(began), s.token.ValidUntil().Sub(began); lived != want {
			t.Errorf("the stream lived %v, want %v", lived, want)
		}
	})
}
