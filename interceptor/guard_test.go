package interceptor_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestTheCallerSetsTheHeader has the rows about values that the calling code,
// or another interceptor, put into the call.
func TestTheCallerSetsTheHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	ctx := token.NewContext(t.Context(), verified)
	set := func(ctx context.Context, value string) context.Context {
		return grpcmd.AppendToOutgoingContext(ctx, "authorization", value)
	}
	before := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return invoker(set(ctx, "Basic before"), method, req, reply, cc, opts...)
	}
	relay := newClient(t, interceptor.Name("A")).DialOptions()
	strict := newClient(t, interceptor.Name("A"), interceptor.RequireToken()).DialOptions()
	theirs, theirKey := grpc.PerRPCCredentials(own{}), grpc.PerRPCCredentials(apiKey{})
	plaintext := grpc.WithTransportCredentials(insecure.NewCredentials())
	adds := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return invoker(ctx, method, req, reply, cc, append(opts, theirKey)...)
	}
	type callOptions = []grpc.CallOption
	for name, test := range map[string]struct {
		ctx     context.Context //nolint:containedctx // what the row is about
		dial    []grpc.DialOption
		options callOptions
		arrives []string
		reason  token.Reason
	}{
		"one value in the outgoing context":      {set(ctx, "Basic YTpi"), relay, nil, []string{"Basic YTpi"}, ""},
		"two values in the outgoing context":     {set(set(ctx, "a"), "b"), relay, nil, nil, interceptor.ReasonRelayConflict},
		"two equal values":                       {set(set(ctx, "a"), "a"), relay, nil, nil, interceptor.ReasonRelayConflict},
		"call credentials":                       {ctx, relay, callOptions{theirs}, []string{"Bearer own"}, ""},
		"call credentials, required":             {t.Context(), strict, callOptions{theirs}, []string{"Bearer own"}, ""},
		"call credentials by default":            {ctx, append(relay, grpc.WithDefaultCallOptions(theirs)), nil, []string{"Bearer own"}, ""},
		"call credentials and one value":         {set(ctx, "a"), relay, callOptions{theirs}, nil, interceptor.ReasonRelayConflict},
		"call credentials and two values":        {set(set(ctx, "a"), "b"), relay, callOptions{theirKey}, nil, interceptor.ReasonRelayConflict},
		"call credentials for another header":    {ctx, strict, callOptions{theirKey}, []string{verified.Authorization()}, ""},
		"those, and one value":                   {set(ctx, "Basic a"), relay, callOptions{theirKey}, []string{"Basic a"}, ""},
		"those, and nothing to relay":            {t.Context(), relay, callOptions{theirKey}, nil, ""},
		"those, in the clear":                    {t.Context(), append(relay, plaintext), callOptions{theirKey}, nil, ""},
		"those, and a token, in the clear":       {ctx, append(relay, plaintext), callOptions{theirKey}, nil, interceptor.ReasonRelayInsecure},
		"those, and a token is required":         {t.Context(), strict, callOptions{theirKey}, nil, token.ReasonMissing},
		"a token that says nothing":              {token.NewContext(ctx, new(token.Token)), relay, nil, nil, ""},
		"that, and a token is required":          {token.NewContext(ctx, new(token.Token)), strict, nil, nil, token.ReasonMissing},
		"those, from an interceptor behind ours": {ctx, append(relay, grpc.WithChainUnaryInterceptor(adds)), nil, nil, ""},
		"two relays on one connection":           {ctx, append(relay, strict...), nil, nil, interceptor.ReasonRelayConflict},
		"an interceptor before ours":             {ctx, append([]grpc.DialOption{grpc.WithChainUnaryInterceptor(before)}, relay...), nil, []string{"Basic before"}, ""},
		"an interceptor behind ours":             {ctx, append(relay, grpc.WithChainUnaryInterceptor(before)), nil, nil, interceptor.ReasonRelayConflict},
		"an interceptor behind, nothing of ours": {t.Context(), append(relay, grpc.WithChainUnaryInterceptor(before)), nil, []string{"Basic before"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &service{}
			client := serve(t, b)(append([]grpc.DialOption{private()}, test.dial...)...)
			err := callUnary(test.ctx, client, test.options...)
			code := codes.OK
			switch test.reason {
			case "":
			case token.ReasonMissing:
				code = codes.Unauthenticated
			default:
				code = codes.Internal
			}
			wantRefusal(t, err, code, test.reason, "A")
			wantArrived(t, b, test.reason == "", test.arrives...)
		})
	}
}

// TestNeverInTheClear has the rows about connections. Whatever the credential,
// and whoever put it there, nothing goes out.
func TestNeverInTheClear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	credential := map[string]struct {
		ctx     context.Context //nolint:containedctx // what the row is about
		options []interceptor.ClientOption
	}{
		"verified token":     {token.NewContext(t.Context(), verified), nil},
		"passed-on token":    {grpcmd.NewIncomingContext(t.Context(), grpcmd.Pairs("authorization", "Bearer x.y.z")), nil},
		"the caller's value": {grpcmd.AppendToOutgoingContext(t.Context(), "authorization", "Bearer x.y.z"), nil},
		"own credential":     {t.Context(), []interceptor.ClientOption{interceptor.Otherwise(own{})}},
		"a source's":         {t.Context(), []interceptor.ClientOption{interceptor.WithSource(fixed("Bearer x.y.z", time.Time{}))}},
	}
	for name, test := range map[string]struct {
		connection credentials.TransportCredentials
		refused    bool
	}{
		"plaintext":                  {insecure.NewCredentials(), true},
		"states nothing":             {stated{insecure.NewCredentials(), silent{}}, true},
		"states an invalid level":    {stating(credentials.InvalidSecurityLevel), true},
		"states no security":         {stating(credentials.NoSecurity), true},
		"states integrity only":      {stating(credentials.IntegrityOnly), true},
		"states privacy as well":     {stating(credentials.PrivacyAndIntegrity), false},
		"has no AuthInfo whatsoever": {stated{insecure.NewCredentials(), nil}, true},
	} {
		for what, with := range credential {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				forEachKind(t, func(t *testing.T, k kind) {
					b := &service{}
					dialOptions := append(newClient(t, with.options...).DialOptions(), grpc.WithTransportCredentials(test.connection))
					err := k.call(with.ctx, serve(t, b)(dialOptions...))
					if !test.refused {
						wantRefusal(t, err, codes.OK, "", "")
						return
					}
					wantRefusal(t, err, codes.Internal, interceptor.ReasonRelayInsecure, "")
					wantArrived(t, b, false)
					if !strings.Contains(err.Error(), "AllowPlaintext()") {
						t.Errorf("the error does not name the way out: %v", err)
					}
				})
			})
		}
	}
}

// TestTheTokenIsInNoContext uses the contexts that a relayed call hands out on a
// connection that was never told to relay.
func TestTheTokenIsInNoContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	ctx := token.NewContext(t.Context(), verified)
	stranger := &service{}
	toStranger := serve(t, stranger)()
	var leaks func(ctx context.Context) error
	unary := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return errors.Join(leaks(ctx), invoker(ctx, method, req, reply, cc, opts...))
	}
	leaks = func(ctx context.Context) error { return callUnary(ctx, toStranger) }
	b := &service{}
	client := serve(t, b)(append(newClient(t).DialOptions(), private(), grpc.WithChainUnaryInterceptor(unary))...)
	if err := callUnary(ctx, client); err != nil {
		t.Fatal(err)
	}
	stream, err := client.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := leaks(stream.Context()); err != nil {
		t.Fatal(err)
	}
	for _, arrived := range stranger.seen() {
		if len(arrived.values) != 0 {
			t.Error("the token has reached a stranger")
		}
	}
	if len(stranger.seen()) != 2 {
		t.Error("the stranger was not called")
	}
}

// TestNoWayAroundTheGuard adds call credentials behind our interceptor, of which
// gRPC uses the last: without the guard no token goes out, least of all in the
// clear.
func TestNoWayAroundTheGuard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	replaces := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return invoker(ctx, method, req, reply, cc, append(opts, grpc.PerRPCCredentials(apiKey{}))...)
	}
	b := &service{}
	client := serve(t, b)(append(newClient(t).DialOptions(), grpc.WithChainUnaryInterceptor(replaces))...)
	if err := callUnary(token.NewContext(t.Context(), verified), client); err != nil {
		t.Fatal(err)
	}
	wantArrived(t, b, true)
}

func TestAllowPlaintext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	value := "Bearer " + w.issuer.Token()
	client := newClient(t, interceptor.AllowPlaintext())
	r := newRelay(t, w.server(t, interceptor.Authenticated()).Options(), client.DialOptions()...)
	if err := callUnary(sending(t, value), r.user); err != nil {
		t.Fatal(err)
	}
	wantArrived(t, r.b, true, value)

	b := &service{}
	jobs := serve(t, b)(newClient(t, interceptor.AllowPlaintext(), interceptor.Otherwise(fromSidecar{})).DialOptions()...)
	if err := callUnary(t.Context(), jobs); err != nil {
		t.Fatal(err)
	}
	wantArrived(t, b, true, "Bearer own")
}

func TestAnEndedTokenIsRefusedHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	ctx := token.NewContext(t.Context(), verified)
	forEachKind(t, func(t *testing.T, k kind) {
		b := &service{}
		clock := func() time.Time { return verified.ValidUntil() }
		client := newClient(t, interceptor.WithClock(clock))
		var dialled atomic.Bool
		noticed := grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			dialled.Store(true)
			return nil, net.ErrClosed
		})
		err := k.call(ctx, serve(t, b)(append(client.DialOptions(), private(), noticed)...))
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "")
		if dialled.Load() {
			t.Error("a connection was wanted for a call that can't be made")
		}
	})
}

// TestSharedCallOptions has an interceptor before ours that hands every call the
// same options, in a slice with room for more. One call goes out while another
// is on its way.
func TestSharedCallOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := func(t *testing.T, name string) (context.Context, string) {
		t.Helper()
		verified := w.verified(t, jwttest.Subject(name))
		return token.NewContext(t.Context(), verified), verified.Authorization()
	}
	forEachKind(t, func(t *testing.T, k kind) {
		alice, aliceSends := user(t, "alice")
		bob, bobSends := user(t, "bob")
		shared := append(make([]grpc.CallOption, 0, 8), grpc.MaxCallRecvMsgSize(1<<20))
		var client testpb.TestServiceClient
		var called atomic.Bool
		bobCalls := func() error {
			if called.Swap(true) {
				return nil
			}
			return k.call(bob, client)
		}
		b := &service{}
		client = serve(t, b)(slices.Concat(
			[]grpc.DialOption{
				private(),
				grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, _ ...grpc.CallOption) error {
					return invoker(ctx, method, req, reply, cc, shared...)
				}),
				grpc.WithChainStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, _ ...grpc.CallOption) (grpc.ClientStream, error) {
					return streamer(ctx, desc, cc, method, shared...)
				}),
			},
			newClient(t).DialOptions(),
			[]grpc.DialOption{
				grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
					return errors.Join(bobCalls(), invoker(ctx, method, req, reply, cc, opts...))
				}),
				grpc.WithChainStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
					if err := bobCalls(); err != nil {
						return nil, err
					}
					return streamer(ctx, desc, cc, method, opts...)
				}),
			},
		)...)
		if err := k.call(alice, client); err != nil {
			t.Fatal(err)
		}
		seen := b.seen()
		if len(seen) != 2 || !slices.Equal(seen[0].values, []string{bobSends}) || !slices.Equal(seen[1].values, []string{aliceSends}) {
			t.Error("the calls don't carry each its own token")
		}
	})
}

// TestTheGuardLooksAtEachAttempt lets the token end between two attempts of
// one call, which B's first answer leads to.
func TestTheGuardLooksAtEachAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	b := &busy{}
	clock := func() time.Time {
		if b.calls.Load() > 0 {
			return verified.ValidUntil()
		}
		return verified.IssuedAt()
	}
	retry := grpc.WithDefaultServiceConfig(`{"methodConfig":[{"name":[{}],"retryPolicy":{
		"maxAttempts":4,"initialBackoff":"0.001s","maxBackoff":"0.001s","backoffMultiplier":1,
		"retryableStatusCodes":["UNAVAILABLE"]}}]}`)
	client := serve(t, b)(append(newClient(t, interceptor.WithClock(clock)).DialOptions(), private(), retry)...)
	err := callUnary(token.NewContext(t.Context(), verified), client)
	wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "")
	if b.calls.Load() != 1 {
		t.Errorf("%d attempts arrived, want 1", b.calls.Load())
	}
}

// busy refuses every call, and asks to try again.
type busy struct {
	testpb.UnimplementedTestServiceServer
	calls atomic.Int32
}

func (b *busy) UnaryCall(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	b.calls.Add(1)
	return nil, status.Error(codes.Unavailable, "busy")
}

// TestCallOptionsPrintNoToken prints what an interceptor behind ours is given,
// as a careless log would.
func TestCallOptionsPrintNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	var printed strings.Builder
	spy := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			_, _ = fmt.Fprintf(&printed, verb, opts)
			for _, opt := range opts {
				_, _ = fmt.Fprintf(&printed, verb, opt)
			}
		}
		return invoker(ctx, method, req, reply, cc, opts...)
	}
	ctx := token.NewContext(t.Context(), verified)
	for _, test := range []struct {
		ctx     context.Context //nolint:containedctx // what the row is about
		options []interceptor.ClientOption
	}{
		{ctx, nil},
		{ctx, []interceptor.ClientOption{interceptor.WithSource(fixed(verified.Authorization(), time.Time{}))}},
		{t.Context(), []interceptor.ClientOption{interceptor.Otherwise(brings{secret: verified.Authorization()})}},
	} {
		client := serve(t, &service{})(append(newClient(t, test.options...).DialOptions(), private(), grpc.WithChainUnaryInterceptor(spy))...)
		if err := callUnary(test.ctx, client); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(printed.String(), verified.Raw()[:30]) || strings.Contains(printed.String(), fmt.Sprintf("%x", verified.Raw()[:30])) {
		t.Error("the token was printed")
	}
}
