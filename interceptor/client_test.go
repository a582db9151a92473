package interceptor_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

// own is a credential of the service itself.
type own struct{}

func (own) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer own"}, nil
}

func (own) RequireTransportSecurity() bool { return true }

// fromSidecar is a credential that may go over a connection in the clear.
type fromSidecar struct{ own }

func (fromSidecar) RequireTransportSecurity() bool { return false }

// apiKey is a credential of the caller's in a header of its own.
type apiKey struct{ fromSidecar }

func (apiKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"x-api-key": "key"}, nil
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

// TestCredentialsThatWantTLSGetIt checks that AllowPlaintext is about the relay,
// and not about what other credentials ask for.
func TestCredentialsThatWantTLSGetIt(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]interceptor.ClientOption{
		"the caller's":      nil,
		"the service's own": interceptor.Otherwise(own{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options, calls := []interceptor.ClientOption{interceptor.AllowPlaintext()}, []grpc.CallOption(nil)
			if option != nil {
				options = append(options, option)
			} else {
				calls = append(calls, grpc.PerRPCCredentials(own{}))
			}
			b := &service{}
			err := callUnary(t.Context(), serve(t, b)(newClient(t, options...).DialOptions()...), calls...)
			wantRefusal(t, err, codes.Internal, interceptor.ReasonRelayInsecure, "")
			wantArrived(t, b, false)
		})
	}
}

// TestOwnCredentialsAreForNobodysCall has the contexts of incoming calls, each
// of which is enough.
func TestOwnCredentialsAreForNobodysCall(t *testing.T) {
	t.Parallel()
	background := context.Background()
	for name, ctx := range map[string]context.Context{
		"let in without a token":  token.NewContext(background, nil),
		"incoming gRPC metadata":  grpcmd.NewIncomingContext(background, grpcmd.MD{}),
		"a gRPC transport stream": grpc.NewContextWithServerTransportStream(background, transportStream{}),
		"a request of net/http":   context.WithValue(background, http.ServerContextKey, new(http.Server)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &service{}
			client := serve(t, b)(append(newClient(t, interceptor.Otherwise(own{})).DialOptions(), private())...)
			if err := callUnary(ctx, client); err != nil {
				t.Fatal(err)
			}
			wantArrived(t, b, true)
		})
	}
}

// transportStream is that of some incoming call.
type transportStream struct{ grpc.ServerTransportStream }

// failing are credentials that can't be had.
type failing struct {
	own
	err error
}

func (f failing) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return nil, f.err
}

// TestCredentialsThatCantBeHad has whoever issues credentials fail.
func TestCredentialsThatCantBeHad(t *testing.T) {
	t.Parallel()
	notFound := status.Error(codes.NotFound, "password")
	plain, own := errors.New("https://user:password@sts.test is down"), status.Error(codes.ResourceExhausted, "no more today")
	source := func(err error) interceptor.ClientOption {
		return interceptor.WithSource(func(context.Context, interceptor.Call) (interceptor.Credential, error) {
			return interceptor.Credential{}, err
		})
	}
	for name, test := range map[string]struct {
		option interceptor.ClientOption
		code   codes.Code
		reason token.Reason
	}{
		"own, any error":                          {interceptor.Otherwise(failing{err: plain}), codes.Unavailable, interceptor.ReasonCredentialUnavailable},
		"own, a status":                           {interceptor.Otherwise(failing{err: own}), codes.ResourceExhausted, ""},
		"a source, any error":                     {source(plain), codes.Unavailable, interceptor.ReasonCredentialUnavailable},
		"own, a status that is the application's": {interceptor.Otherwise(failing{err: notFound}), codes.Unavailable, interceptor.ReasonCredentialUnavailable},
		"a source, such a status":                 {source(notFound), codes.Unavailable, interceptor.ReasonCredentialUnavailable},
		"a source, a status":                      {source(own), codes.ResourceExhausted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				var seen recorder
				b := &service{}
				client := newClient(t, test.option, interceptor.WithObserver(&seen))
				err := k.call(t.Context(), serve(t, b)(append(client.DialOptions(), private())...))
				wantRefusal(t, err, test.code, test.reason, "")
				wantArrived(t, b, false)
				if strings.Contains(err.Error(), "password") {
					t.Errorf("the caller is shown the cause: %v", err)
				}
				if len(seen.relayed) != 1 || seen.relayed[0].Err == nil || seen.relayed[0].Sent != interceptor.SentNothing {
					t.Errorf("the observer is told %v", seen.relayed)
				}
			})
		})
	}
}

// fixed is a source that always gives the same.
func fixed(value string, until time.Time) interceptor.Source {
	return func(context.Context, interceptor.Call) (interceptor.Credential, error) {
		return interceptor.Credential{Value: value, ValidUntil: until}, nil
	}
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

func TestOwnCredentialsOutsideOfACall(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, k kind) {
		b := &service{}
		client := newClient(t, interceptor.Otherwise(own{}), interceptor.RequireToken())
		if err := k.call(t.Context(), serve(t, b)(append(client.DialOptions(), private())...)); err != nil {
			t.Fatal(err)
		}
		wantArrived(t, b, true, "Bearer own")
	})
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

func TestSources(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		source  interceptor.Source
		arrives []string
		code    codes.Code
	}{
		"a credential": {fixed("Bearer exchanged", time.Time{}), []string{"Bearer exchanged"}, codes.OK},
		"nothing":      {fixed("", time.Time{}), nil, codes.OK},
		"an ended one": {fixed("Bearer exchanged", time.Unix(1, 0)), nil, codes.Unavailable},
		"a line break": {fixed("Bearer exchanged\nx: y", time.Time{}), nil, codes.Unavailable},
		"what it is told": {func(_ context.Context, call interceptor.Call) (interceptor.Credential, error) {
			return interceptor.Credential{Value: "Bearer " + call.Method + "@" + call.Target}, nil
		}, []string{"Bearer " + testpb.TestService_UnaryCall_FullMethodName + "@passthrough:///next"}, codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &service{}
			client := newClient(t, interceptor.WithSource(test.source))
			err := callUnary(t.Context(), serve(t, b)(append(client.DialOptions(), private())...))
			if status.Code(err) != test.code {
				t.Fatalf("got %v, want %v", err, test.code)
			}
			wantArrived(t, b, test.code == codes.OK, test.arrives...)
		})
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

// blocking are credentials that take as long as the call may.
type blocking struct{ own }

func (blocking) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestWhoGivesUpWhileCredentialsAreAwaited has callers that end the call
// themselves, which is no outage.
func TestWhoGivesUpWhileCredentialsAreAwaited(t *testing.T) {
	t.Parallel()
	waiting := interceptor.WithSource(func(ctx context.Context, _ interceptor.Call) (interceptor.Credential, error) {
		<-ctx.Done()
		return interceptor.Credential{}, ctx.Err()
	})
	for name, test := range map[string]struct {
		options []interceptor.ClientOption
		calls   []grpc.CallOption
	}{
		"a source's":        {options: []interceptor.ClientOption{waiting}},
		"the service's own": {options: []interceptor.ClientOption{interceptor.Otherwise(blocking{})}},
		"the caller's":      {calls: []grpc.CallOption{grpc.PerRPCCredentials(blocking{})}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				synctest.Test(t, func(t *testing.T) {
					client := serve(t, &service{})(append(newClient(t, test.options...).DialOptions(), private())...)
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					wantRefusal(t, k.call(ctx, client, test.calls...), codes.DeadlineExceeded, "", "")
				})
			})
		})
	}
}

// nothing are credentials that bring nothing.
type nothing struct{ own }

func (nothing) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return nil, nil
}

// TestWhatRequireTokenDoesNotTakeForAToken has credentials that don't bring the
// header.
func TestWhatRequireTokenDoesNotTakeForAToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []interceptor.ClientOption
		calls   []grpc.CallOption
	}{
		"own ones that bring nothing":           {options: []interceptor.ClientOption{interceptor.Otherwise(nothing{})}},
		"own ones for another header":           {options: []interceptor.ClientOption{interceptor.Otherwise(apiKey{})}},
		"the caller's that bring nothing":       {calls: []grpc.CallOption{grpc.PerRPCCredentials(nothing{})}},
		"the caller's for another header":       {calls: []grpc.CallOption{grpc.PerRPCCredentials(apiKey{})}},
		"a source that gives nothing":           {options: []interceptor.ClientOption{interceptor.WithSource(fixed("", time.Time{}))}},
		"a value that an interceptor takes out": {calls: nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, dial := t.Context(), newClient(t, append(test.options, interceptor.RequireToken())...).DialOptions()
			if test.options == nil && test.calls == nil {
				ctx = grpcmd.AppendToOutgoingContext(ctx, "authorization", "Bearer x")
				dial = append(dial, grpc.WithChainUnaryInterceptor(
					func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
						return invoker(grpcmd.NewOutgoingContext(ctx, nil), method, req, reply, cc, opts...)
					}))
			}
			b := &service{}
			err := callUnary(ctx, serve(t, b)(append(dial, private())...), test.calls...)
			wantRefusal(t, err, codes.Unauthenticated, token.ReasonMissing, "")
			wantArrived(t, b, false)
		})
	}
}

// TestOwnCredentialsBesideTheCallers has both, for different headers.
func TestOwnCredentialsBesideTheCallers(t *testing.T) {
	t.Parallel()
	b := &service{}
	client := serve(t, b)(append(newClient(t, interceptor.Otherwise(own{})).DialOptions(), private())...)
	if err := callUnary(t.Context(), client, grpc.PerRPCCredentials(apiKey{})); err != nil {
		t.Fatal(err)
	}
	wantArrived(t, b, true, "Bearer own")
	if got := b.seen()[0].md.Get("x-api-key"); len(got) != 1 {
		t.Error("the caller's credential was lost")
	}
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
	for _, option := range [][]interceptor.ClientOption{nil, {interceptor.WithSource(fixed(verified.Authorization(), time.Time{}))}} {
		client := serve(t, &service{})(append(newClient(t, option...).DialOptions(), private(), grpc.WithChainUnaryInterceptor(spy))...)
		if err := callUnary(token.NewContext(t.Context(), verified), client); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(printed.String(), verified.Raw()[:30]) || strings.Contains(printed.String(), fmt.Sprintf("%x", verified.Raw()[:30])) {
		t.Error("the token was printed")
	}
}
