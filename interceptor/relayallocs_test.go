package interceptor_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestWhatARelayedCallAllocates counts what the interceptor takes up to the moment that
// gRPC has the header: the guard, its call option, and a map with one entry, which is
// two. What else goes out with the call adds nothing, and calls that carry nothing are
// free.
func TestWhatARelayedCallAllocates(t *testing.T) { //nolint:paralleltest // testing.AllocsPerRun
	w := newWorld(t)
	verified := token.NewContext(overTLS(t.Context()), w.verified(t))
	crowded := grpcmd.AppendToOutgoingContext(
		grpcmd.NewOutgoingContext(verified, grpcmd.MD{"x-a": {"1"}, "x-b": {"2"}, "x-c": {"3", "4"}}), "x-d", "5", "x-e", "6")
	few := []grpc.CallOption{grpc.StaticMethod()} // as generated code has it
	many := []grpc.CallOption{grpc.StaticMethod(), grpc.WaitForReady(true), grpc.UseCompressor(""), grpc.CallContentSubtype("proto")}
	for name, test := range map[string]struct { //nolint:paralleltest // testing.AllocsPerRun
		ctx     context.Context //nolint:containedctx // what the test is about
		options []grpc.CallOption
		want    float64
	}{
		"a verified token":           {verified, few, 4},
		"beside other metadata":      {crowded, few, 4},
		"beside many call options":   {verified, many, 5}, // a longer list of them
		"a call without a token":     {token.NewContext(t.Context(), nil), few, 0},
		"outside of any call":        {t.Context(), few, 0},
		"the caller sets the header": {grpcmd.AppendToOutgoingContext(verified, "authorization", "Bearer x"), few, 4}, // guarded too, and read twice
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t)
			call := func() {
				if err := client.UnaryInterceptor(test.ctx, unaryCall, nil, nil, nil, bringing, test.options...); err != nil {
					t.Fatal(err)
				}
			}
			if got := leastAllocs(call); got != test.want {
				t.Errorf("%v allocations a call, want %v", got, test.want)
			}
		})
	}
}

// TestWhatRelayingAddsToACall compares calls over a connection with calls that relay
// nothing. It is nine more: four are ours, four what gRPC takes to ask call credentials,
// and one is the next server's, which has one header more. What is counted is the whole
// process, with gRPC's goroutines and pools that the race detector empties at random, so
// a few more pass; TestWhatARelayedCallAllocates counts ours to the letter.
func TestWhatRelayingAddsToACall(t *testing.T) { //nolint:paralleltest // testing.AllocsPerRun
	w := newWorld(t)
	ctx := token.NewContext(t.Context(), w.verified(t, jwttest.ExpiresIn(time.Hour)))
	dial := serve(t, &echoing{})
	plain, relaying := dial(private()), dial(append(newClient(t).DialOptions(), private())...)
	count := func(client testpb.TestServiceClient) float64 {
		return leastAllocs(func() {
			if err := callUnary(ctx, client); err != nil {
				t.Fatal(err)
			}
		})
	}
	without, with := count(plain), count(relaying)
	t.Logf("%v allocations a call, %v with a relay", without, with)
	if more := with - without; more > 12 {
		t.Errorf("%v allocations a call more", more)
	}
}

// echoing answers, and remembers nothing.
type echoing struct {
	testpb.UnimplementedTestServiceServer
}

func (*echoing) UnaryCall(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	return &testpb.SimpleResponse{}, nil
}

// TestWhatAttemptsOfACallShare: nothing that an interceptor behind ours may write to.
func TestWhatAttemptsOfACallShare(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	ctx := token.NewContext(overTLS(t.Context()), verified)
	want := map[string]string{"authorization": verified.Authorization()}
	for range 2 { // calls
		err := newClient(t).UnaryInterceptor(ctx, unaryCall, nil, nil, nil, invoker(func(ctx context.Context, opts []grpc.CallOption) error {
			for range 2 { // attempts
				data, err := brought(ctx, opts)
				if err != nil || !maps.Equal(data, want) {
					t.Errorf("got %d entries (%v), want those of the token", len(data), err)
				}
				data["authorization"], data["x-mine"] = "Bearer other", "mine"
			}
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestCredentialsOfTheCallerMayKeepTheirMap: what they return may be the same for all
// calls, so nobody's token gets into it.
func TestCredentialsOfTheCallerMayKeepTheirMap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	ctx := token.NewContext(overTLS(t.Context()), verified)
	own := keptCredentials{"x-api-key": "orders"}
	err := newClient(t).UnaryInterceptor(ctx, unaryCall, nil, nil, nil, invoker(func(ctx context.Context, opts []grpc.CallOption) error {
		var data map[string]string
		for _, opt := range opts { // gRPC takes the last
			if opt, ok := opt.(grpc.PerRPCCredsCallOption); ok {
				data, _ = opt.Creds.GetRequestMetadata(ctx)
			}
		}
		if data["authorization"] != verified.Authorization() || data["x-api-key"] != "orders" {
			t.Errorf("%d entries go out, want both", len(data))
		}
		return nil
	}), grpc.PerRPCCredentials(own))
	if err != nil {
		t.Fatal(err)
	}
	if len(own) != 1 {
		t.Errorf("the caller's credentials have %d entries now", len(own))
	}
}

// keptCredentials are the same map each time.
type keptCredentials map[string]string

func (k keptCredentials) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return k, nil
}
func (keptCredentials) RequireTransportSecurity() bool { return true }

// TestCallOptionsHaveNoRoomToShare: what two calls of an interceptor behind ours append
// to the options is their own, and so are those of the caller.
func TestCallOptionsHaveNoRoomToShare(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := token.NewContext(overTLS(t.Context()), w.verified(t))
	for options := range 6 {
		callers := make([]grpc.CallOption, options, options+4)
		err := newClient(t).UnaryInterceptor(ctx, unaryCall, nil, nil, nil, invoker(func(_ context.Context, opts []grpc.CallOption) error {
			first := append(opts, grpc.CallContentSubtype("first")) //nolint:gocritic // what the test is about
			_ = append(opts, grpc.CallContentSubtype("second"))
			if got, ok := first[len(opts)].(grpc.ContentSubtypeCallOption); !ok || got.ContentSubtype != "first" {
				t.Errorf("with %d options: one call's option became another's", options)
			}
			return nil
		}), callers...)
		if err != nil {
			t.Fatal(err)
		}
		if left := callers[:options+1][options]; left != nil {
			t.Errorf("with %d options: %v was written behind the caller's", options, left)
		}
	}
}

// overTLS returns a context in which gRPC asks call credentials, of a connection that is
// private.
func overTLS(ctx context.Context) context.Context {
	return credentials.NewContextWithRequestInfo(ctx, credentials.RequestInfo{
		Method: unaryCall, AuthInfo: leveled{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}},
	})
}

// bringing is a connection that asks the call's credentials, if it has any.
func bringing(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
	_, err := brought(ctx, opts)
	return err
}

// brought returns what the credentials among call options bring.
func brought(ctx context.Context, opts []grpc.CallOption) (map[string]string, error) {
	for _, opt := range opts {
		if opt, ok := opt.(grpc.PerRPCCredsCallOption); ok {
			return opt.Creds.GetRequestMetadata(ctx)
		}
	}
	return nil, nil
}

// invoker makes a connection of a function.
func invoker(invoke func(ctx context.Context, opts []grpc.CallOption) error) grpc.UnaryInvoker {
	return func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
		return invoke(ctx, opts)
	}
}
