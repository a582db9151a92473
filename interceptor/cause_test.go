package interceptor_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
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

// waiting serves calls of all kinds that end with their context only.
type waiting struct {
	patient
}

func (w *waiting) UnaryCall(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	return nil, w.wait(ctx)
}

// within calls serve with the context of a stream, or of an HTTP request, whose
// token is revoked after a minute.
func within(t *testing.T, serve func(ctx context.Context, t *testing.T)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T, w world, served func(ctx context.Context)){
		"a stream": func(t *testing.T, w world, served func(ctx context.Context)) {
			t.Helper()
			server := w.server(t, interceptor.Authenticated(), interceptor.Name("front"))
			info := &grpc.StreamServerInfo{FullMethod: kinds()[3].method}
			ctx := carrying(t.Context(), w.issuer.Token())
			err := server.StreamInterceptor(nil, alone{ctx: ctx}, info, func(_ any, stream grpc.ServerStream) error {
				served(stream.Context())
				return nil
			})
			wantRefusal(t, err, codes.Unauthenticated, token.ReasonRevoked, "front")
		},
		"an HTTP request": func(t *testing.T, w world, served func(ctx context.Context)) {
			t.Helper()
			server := w.server(t, interceptor.Authenticated(), interceptor.Name("front"))
			next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { served(r.Context()) })
			answerOf(t, httpHandler(t, server, next), httpRequest(t, http.MethodGet, unaryCall, bearing("Bearer "+w.issuer.Token())))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				list := new(revoker)
				time.AfterFunc(time.Minute, list.revoke)
				open(t, newWorld(t, token.WithRevocations(list), token.MaxLifetime(24*time.Hour)), func(ctx context.Context) { serve(ctx, t) })
			})
		})
	}
}

// TestACallMadeByAStreamThatEndsSaysWhy makes calls of each kind in the context of a
// stream or a request, and in contexts made of that, before it ends and after.
func TestACallMadeByAStreamThatEndsSaysWhy(t *testing.T) {
	t.Parallel()
	derived := map[string]func(ctx context.Context) (context.Context, context.CancelFunc){
		"its own": func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} },
		"with a timeout": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Hour)
		},
		"with a cancel":    context.WithCancel,
		"with a fan-out's": canceledByFirst,
		"with a watcher":   watching,
		"without a token": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return token.NewContext(ctx, nil), func() {}
		},
	}
	relays := map[string][]interceptor.ClientOption{
		"relaying":                 nil,
		"by a source":              {interceptor.WithSource(fixed("Bearer x", time.Time{}))},
		"by a source with an end":  {interceptor.WithSource(fixed("Bearer x", time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)))},
		"by a source that waits":   {interceptor.WithSource(patientSource)},
		"by a source, ended first": {interceptor.WithSource(fixed("Bearer x", time.Time{}))},
	}
	for derivation, derive := range derived {
		for relay, options := range relays {
			for _, k := range kinds() {
				t.Run(k.name+"/"+derivation+"/"+relay, func(t *testing.T) {
					t.Parallel()
					within(t, func(ctx context.Context, t *testing.T) {
						ctx, cancel := derive(ctx)
						defer cancel()
						client := serve(t, &waiting{})(append(newClient(t, append(slices.Clone(options), interceptor.Name("front"))...).DialOptions(), private())...)
						if relay == "by a source, ended first" {
							<-ctx.Done()
						}
						wantRefusal(t, k.call(ctx, client), codes.Unauthenticated, token.ReasonRevoked, "front")
						wantRefusal(t, k.call(ctx, client), codes.Unauthenticated, token.ReasonRevoked, "front") // it has ended before
					})
				})
			}
		}
	}
}

// canceledByFirst is how errgroup makes its context.
func canceledByFirst(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, func() { cancel(errors.New("somebody failed")) }
}

// watching has a context that is cancelled when another is done, and loses the cause.
func watching(ctx context.Context) (context.Context, context.CancelFunc) {
	alone, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, cancel)
	return alone, cancel
}

// patientSource waits for the context, as one does that asks somewhere.
func patientSource(ctx context.Context, _ interceptor.Call) (interceptor.Credential, error) {
	<-ctx.Done()
	return interceptor.Credential{}, ctx.Err()
}

// TestOtherEndsOfACallStand has what is not the end of the token.
func TestOtherEndsOfACallStand(t *testing.T) {
	t.Parallel()
	refused := status.Error(codes.NotFound, "no such order")
	for name, test := range map[string]struct {
		next   testpb.TestServiceServer
		derive func(ctx context.Context) (context.Context, context.CancelFunc)
		want   codes.Code
	}{
		"an answer":               {&waiting{patient{failure: refused}}, context.WithCancel, codes.NotFound},
		"the next hop gave up":    {&waiting{patient{failure: status.Error(codes.Canceled, "not now")}}, context.WithCancel, codes.Canceled},
		"the next hop was late":   {&waiting{patient{failure: status.Error(codes.DeadlineExceeded, "too late")}}, context.WithCancel, codes.DeadlineExceeded},
		"a deadline of the call":  {&waiting{}, after(time.Second), codes.DeadlineExceeded},
		"the caller broke it off": {&waiting{}, brokenOff, codes.Canceled},
		"another call failed":     {&waiting{}, brokenOffBy(refused), codes.Canceled},
	} {
		for _, k := range kinds() {
			t.Run(name+"/"+k.name, func(t *testing.T) {
				t.Parallel()
				within(t, func(ctx context.Context, t *testing.T) {
					of, cancel := test.derive(ctx)
					defer cancel()
					client := serve(t, test.next)(append(newClient(t).DialOptions(), private())...)
					wantRefusal(t, k.call(of, client), test.want, "", "")
					<-ctx.Done()
				})
			})
		}
	}
}

// TestAContextThatEndedBeforeItsTokenKeepsItsEnd is used when that has ended too.
func TestAContextThatEndedBeforeItsTokenKeepsItsEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		derive func(ctx context.Context) (context.Context, context.CancelFunc)
		want   codes.Code
	}{
		"a deadline":      {after(time.Second), codes.DeadlineExceeded},
		"another failure": {brokenOffBy(errors.New("another call failed")), codes.Canceled},
	} {
		for _, k := range kinds() {
			t.Run(name+"/"+k.name, func(t *testing.T) {
				t.Parallel()
				within(t, func(ctx context.Context, t *testing.T) {
					of, cancel := test.derive(ctx)
					defer cancel()
					<-ctx.Done()
					client := serve(t, &waiting{})(append(newClient(t).DialOptions(), private())...)
					wantRefusal(t, k.call(of, client), test.want, "", "")
				})
			})
		}
	}
}

// TestARefusalThatBreaksOffOtherCallsIsNotTheirs has a refusal as the cause of a
// context that is not the end of a token: of a fan-out, one call is refused here.
func TestARefusalThatBreaksOffOtherCallsIsNotTheirs(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, k kind) {
		synctest.Test(t, func(t *testing.T) {
			dial := serve(t, &waiting{})
			ctx, cancel := context.WithCancelCause(token.NewContext(t.Context(), newWorld(t).verified(t)))
			time.AfterFunc(time.Minute, func() {
				cancel(callUnary(ctx, dial(newClient(t).DialOptions()...))) // the connection isn't private
			})
			err := k.call(ctx, dial(append(newClient(t).DialOptions(), private())...))
			wantRefusal(t, err, codes.Canceled, "", "")
			wantRefusal(t, context.Cause(ctx), codes.Internal, interceptor.ReasonRelayInsecure, "")
		})
	})
}

func after(d time.Duration) func(ctx context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
}

func brokenOff(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	time.AfterFunc(time.Second, cancel)
	return ctx, cancel
}

func brokenOffBy(cause error) func(ctx context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(ctx)
		time.AfterFunc(time.Second, func() { cancel(cause) })
		return ctx, func() { cancel(nil) }
	}
}

// An interceptor behind the relay may return the context's own error.
func TestABareErrorOfTheContextIsExplained(t *testing.T) {
	t.Parallel()
	within(t, func(ctx context.Context, t *testing.T) {
		<-ctx.Done()
		invoker := func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
			return ctx.Err()
		}
		err := newClient(t).UnaryInterceptor(ctx, unaryCall, nil, nil, nil, invoker)
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonRevoked, "front")
	})
}

// TestWhatExplainingAllocates: nothing, for calls that nothing ended.
func TestWhatExplainingAllocates(t *testing.T) { //nolint:paralleltest // testing.AllocsPerRun
	w := newWorld(t)
	client := newClient(t)
	ctx := token.NewContext(t.Context(), w.verified(t, jwttest.ExpiresIn(time.Hour)))
	count := func(answer error) float64 {
		least := math.Inf(1)
		invoker := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return answer }
		for range 200 {
			least = min(least, testing.AllocsPerRun(1, func() {
				if err := client.UnaryInterceptor(ctx, unaryCall, nil, nil, nil, invoker); !errors.Is(err, answer) {
					t.Fatal(err)
				}
			}))
		}
		return least
	}
	const most = 4 // the guard, its plan, the options and the value: what relaying takes
	answered, failed := count(nil), count(status.Error(codes.NotFound, "no such order"))
	t.Logf("%v allocations a call", answered)
	if answered > most || failed != answered {
		t.Errorf("%v allocations a call, %v for one that failed", answered, failed)
	}
}

// TestACallerWhoHadGoneIsNotTheEndOfTheToken, although that ends too before the handler
// returns: what is cancelled then was cancelled by the caller.
func TestACallerWhoHadGoneIsNotTheEndOfTheToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, gone := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, gone)
		info := &grpc.StreamServerInfo{FullMethod: kinds()[3].method}
		var err error
		_ = w.server(t, interceptor.Authenticated()).StreamInterceptor(nil, alone{ctx: carrying(ctx, w.issuer.Token())}, info, func(_ any, stream grpc.ServerStream) error {
			time.Sleep(24 * time.Hour)
			ctx := token.NewContext(stream.Context(), nil)
			err = newClient(t).UnaryInterceptor(ctx, unaryCall, nil, nil, nil, broken)
			return nil
		})
		wantRefusal(t, err, codes.Canceled, "", "")
	})
}

// broken is a call that ends as its context did.
func broken(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
	return status.FromContextError(ctx.Err()).Err()
}

// TestAStreamWithinARequestThatEndsSaysWhy has a stream whose own token goes on, in a
// context that has lost the cause.
func TestAStreamWithinARequestThatEndsSaysWhy(t *testing.T) {
	t.Parallel()
	within(t, func(ctx context.Context, t *testing.T) {
		w := newWorld(t)
		ctx, cancel := watching(ctx)
		defer cancel()
		info := &grpc.StreamServerInfo{FullMethod: kinds()[3].method}
		var err error
		_ = w.server(t, interceptor.Authenticated()).StreamInterceptor(nil, alone{ctx: carrying(ctx, w.issuer.Token())}, info, func(_ any, stream grpc.ServerStream) error { //nolint:contextcheck // the stream has it
			<-stream.Context().Done()
			err = newClient(t).UnaryInterceptor(stream.Context(), unaryCall, nil, nil, nil, broken)
			return nil
		})
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonRevoked, "front")
	})
}
