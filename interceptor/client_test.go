package interceptor_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// relay is a service A, reached by a user, that calls B, which records what
// arrives and has no interceptors of ours.
type relay struct {
	a    *service
	b    *service
	user testpb.TestServiceClient
}

// newRelay starts A and B. A serves with serving, and dials B with dialling.
func newRelay(t *testing.T, serving []grpc.ServerOption, dialling ...grpc.DialOption) relay {
	t.Helper()
	b := &service{}
	a := &service{next: serve(t, b, grpc.MaxHeaderListSize(64<<10))(dialling...)}
	return relay{a: a, b: b, user: serve(t, a, serving...)()}
}

// TestRelaying has the rows about what goes out, for every kind of RPC, against
// a real upstream that records what arrives.
func TestRelaying(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := "Bearer " + w.issuer.Token(jwttest.Audience(jwttest.DefaultAudience, "inventory"))
	plain := "Bearer " + w.issuer.Token()
	authenticated := w.server(t, interceptor.Authenticated()).Options()
	public := w.server(t, interceptor.Public(allMethods()...)).Options()
	optional := w.server(t, interceptor.Optional(allMethods()...)).Options()
	type options = []interceptor.ClientOption
	long := strings.Repeat("a", token.DefaultMaxSize)
	for name, test := range map[string]struct {
		serving []grpc.ServerOption
		options options
		sent    []string // by the user to A
		arrives []string // at B, if the call goes out
		code    codes.Code
		reason  token.Reason
	}{
		"a verified token":                      {authenticated, nil, []string{good}, []string{good}, codes.OK, ""},
		"a verified token, optional":            {optional, nil, []string{good}, []string{good}, codes.OK, ""},
		"a verified token, other scheme case":   {authenticated, nil, []string{"bearer" + good[6:]}, []string{good}, codes.OK, ""},
		"a public method's token stays":         {public, nil, []string{good}, nil, codes.OK, ""},
		"an anonymous caller":                   {optional, nil, nil, nil, codes.OK, ""},
		"another scheme, optional":              {optional, nil, []string{"Basic YTpi"}, nil, codes.OK, ""},
		"no server interceptor, one value":      {nil, nil, []string{"bEarer x.y.z"}, []string{"bEarer x.y.z"}, codes.OK, ""},
		"no server interceptor, two values":     {nil, nil, []string{good, good}, nil, codes.Unauthenticated, token.ReasonMalformed},
		"no server interceptor, malformed":      {nil, nil, []string{"Bearer a b"}, nil, codes.Unauthenticated, token.ReasonMalformed},
		"no server interceptor, too large":      {nil, nil, []string{"Bearer " + long + "a"}, nil, codes.Unauthenticated, token.ReasonTooLarge},
		"MaxTokenSize":                          {nil, options{interceptor.MaxTokenSize(17 << 10)}, []string{"Bearer " + long + "a"}, []string{"Bearer " + long + "a"}, codes.OK, ""},
		"no server interceptor, another scheme": {nil, nil, []string{"Basic YTpi"}, nil, codes.OK, ""},
		"nothing came in":                       {nil, nil, nil, nil, codes.OK, ""},
		"VerifiedOnly, verified":                {authenticated, options{interceptor.VerifiedOnly()}, []string{good}, []string{good}, codes.OK, ""},
		"VerifiedOnly, not verified":            {nil, options{interceptor.VerifiedOnly()}, []string{good}, nil, codes.Internal, interceptor.ReasonRelayUnverified},
		"VerifiedOnly, nothing":                 {nil, options{interceptor.VerifiedOnly()}, nil, nil, codes.OK, ""},
		"RequireToken, a token":                 {authenticated, options{interceptor.RequireToken()}, []string{good}, []string{good}, codes.OK, ""},
		"RequireToken, nothing":                 {nil, options{interceptor.RequireToken()}, nil, nil, codes.Unauthenticated, token.ReasonMissing},
		"RequireToken, a public method":         {public, options{interceptor.RequireToken()}, []string{good}, nil, codes.Unauthenticated, token.ReasonMissing},
		"Otherwise, a call with a token":        {authenticated, options{interceptor.Otherwise(own{})}, []string{good}, []string{good}, codes.OK, ""},
		"Otherwise, a public call with a token": {public, options{interceptor.Otherwise(own{})}, []string{good}, nil, codes.OK, ""},
		"Otherwise, an anonymous call":          {optional, options{interceptor.Otherwise(own{})}, nil, nil, codes.OK, ""},
		"Otherwise, a call nobody decided on":   {nil, options{interceptor.Otherwise(own{})}, nil, nil, codes.OK, ""},
		"Otherwise and RequireToken, anonymous": {optional, options{interceptor.Otherwise(own{}), interceptor.RequireToken()}, nil, nil, codes.Unauthenticated, token.ReasonMissing},
		"OnlyAudience, meant for it":            {authenticated, options{interceptor.OnlyAudience("inventory")}, []string{good}, []string{good}, codes.OK, ""},
		"OnlyAudience, not meant for it":        {authenticated, options{interceptor.OnlyAudience("inventory")}, []string{plain}, nil, codes.Unauthenticated, token.ReasonAudienceMismatch},
		"OnlyAudience, not verified":            {nil, options{interceptor.OnlyAudience("inventory")}, []string{good}, nil, codes.Internal, interceptor.ReasonRelayUnverified},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				client := newClient(t, append(test.options, interceptor.Name("A"))...)
				serving := append([]grpc.ServerOption{grpc.MaxHeaderListSize(64 << 10)}, test.serving...)
				r := newRelay(t, serving, append(client.DialOptions(), private())...)
				ctx := grpcmd.AppendToOutgoingContext(sending(t, test.sent...), "x-other", "stays")
				err := k.call(ctx, r.user)
				wantRefusal(t, err, test.code, test.reason, "A")
				wantArrived(t, r.b, test.code == codes.OK, test.arrives...)
			})
		})
	}
}

// wantArrived checks that one call arrived, or none, and that it carried
// exactly these values, and nothing else of what came in.
func wantArrived(t *testing.T, b *service, arrived bool, values ...string) {
	t.Helper()
	seen := b.seen()
	if !arrived {
		if len(seen) != 0 {
			t.Fatal("something has gone out")
		}
		return
	}
	if len(seen) != 1 {
		t.Fatalf("%d calls arrived", len(seen))
	}
	if strings.Join(seen[0].values, "|") != strings.Join(values, "|") {
		t.Errorf("%d values arrived, want %d, or they are not byte for byte the same", len(seen[0].values), len(values))
	}
	if len(seen[0].md.Get("x-other")) != 0 {
		t.Error("more than the token travels")
	}
}

func TestAnotherHeaderOnBothSides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	value := "Bearer " + w.issuer.Token()
	header := interceptor.HeaderName("X-User-Token")
	client := newClient(t, header)
	r := newRelay(t, w.server(t, interceptor.Authenticated(), header).Options(), append(client.DialOptions(), private())...)
	ctx := grpcmd.AppendToOutgoingContext(sending(t, "Bearer of-the-platform"), "x-user-token", value)
	if err := callUnary(ctx, r.user); err != nil {
		t.Fatal(err)
	}
	seen := r.b.seen()
	if len(seen) != 1 || len(seen[0].values) != 0 || strings.Join(seen[0].md.Get("x-user-token"), "|") != value {
		t.Error("the token is not in the one header that was chosen")
	}
}

func TestNewClientRefusesMistakes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []interceptor.ClientOption
		says    string
	}{
		"empty audience":          {[]interceptor.ClientOption{interceptor.OnlyAudience("")}, "OnlyAudience"},
		"nil credentials":         {[]interceptor.ClientOption{interceptor.Otherwise(nil)}, "Otherwise"},
		"nil source":              {[]interceptor.ClientOption{interceptor.WithSource(nil)}, "WithSource"},
		"source and VerifiedOnly": {[]interceptor.ClientOption{interceptor.WithSource(fixed("x", time.Time{})), interceptor.VerifiedOnly()}, "WithSource"},
		"header that is not one":  {[]interceptor.ClientOption{interceptor.HeaderName("a b")}, "a b"},
		"nil option":              {[]interceptor.ClientOption{nil}, "nil option"},
		"nil clock":               {[]interceptor.ClientOption{interceptor.WithClock(nil)}, "WithClock"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := interceptor.NewClient(test.options...)
			if client != nil || err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want an error that says %q", err, test.says)
			}
		})
	}
}

// TestFanOut uses one context for a hundred calls at once.
func TestFanOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	ctx := grpcmd.AppendToOutgoingContext(token.NewContext(t.Context(), verified), "x-trace", "1")
	b := &service{}
	client := serve(t, b)(append(newClient(t).DialOptions(), private())...)
	errs := make(chan error)
	for i := range 100 {
		go func() { errs <- kinds()[i%4].call(ctx, client) }()
	}
	for range 100 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for _, arrived := range b.seen() {
		if len(arrived.values) != 1 || arrived.values[0] != verified.Authorization() {
			t.Fatal("a call arrived without the token, or with more than it")
		}
	}
}

// TestNobodysTokenOnAnothersCall has many users at once on one connection of A.
func TestNobodysTokenOnAnothersCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	guarded := w.server(t, interceptor.Authenticated()).Options()
	b := &service{}
	a := &service{next: serve(t, b, guarded...)(append(newClient(t).DialOptions(), private())...)}
	user := serve(t, a, guarded...)()
	sent := make(map[string]bool)
	errs := make(chan error)
	for i := range 64 {
		raw := w.issuer.Token(jwttest.Subject(strings.Repeat("u", i+1)))
		sent[raw] = true
		ctx := sending(t, "Bearer "+raw)
		go func() { errs <- kinds()[i%4].call(ctx, user) }()
	}
	for range 64 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for _, arrived := range b.seen() {
		if !sent[arrived.token.Raw()] {
			t.Fatal("a token arrived twice, or was never sent")
		}
		delete(sent, arrived.token.Raw())
	}
	if len(sent) != 0 {
		t.Errorf("%d tokens did not arrive", len(sent))
	}
}

// TestUnaryDeadlineIsLeftAlone checks that relaying doesn't shorten it.
func TestUnaryDeadlineIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	forEachKind(t, func(t *testing.T, k kind) {
		seen := errors.New("not called")
		unary := func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
			if _, has := ctx.Deadline(); has {
				seen = errors.New("the call has a deadline")
			} else {
				seen = nil
			}
			return net.ErrClosed
		}
		stream := func(ctx context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, _ grpc.Streamer, _ ...grpc.CallOption) (grpc.ClientStream, error) {
			return nil, unary(ctx, "", nil, nil, nil, nil)
		}
		client := serve(t, &service{})(append(newClient(t).DialOptions(), private(),
			grpc.WithChainUnaryInterceptor(unary), grpc.WithChainStreamInterceptor(stream))...)
		_ = k.call(token.NewContext(context.Background(), verified), client)
		if seen != nil {
			t.Error(seen)
		}
	})
}
