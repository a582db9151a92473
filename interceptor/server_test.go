package interceptor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

func allMethods() []string {
	var methods []string
	for _, k := range kinds() {
		methods = append(methods, k.method)
	}
	return methods
}

// TestReadingTheCall has the rows about how a call carries its token. Values
// that a gRPC client refuses to send are in the tests of package metadata and
// in attack_test.go.
func TestReadingTheCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := w.issuer.Token()
	dial := serve(t, &service{}, w.server(t, interceptor.Authenticated(), interceptor.Name("A")).Options()...)
	client := dial()
	for name, test := range map[string]struct {
		values []string
		want   token.Reason
	}{
		"no value":              {nil, token.ReasonMissing},
		"two values":            {[]string{"Bearer " + raw, "Bearer " + raw}, token.ReasonMalformed},
		"longer than the limit": {[]string{"Bearer " + strings.Repeat("a", token.DefaultMaxSize+1)}, token.ReasonTooLarge},
		"much longer":           {[]string{"Bearer " + strings.Repeat("a", token.DefaultMaxSize+20<<10)}, token.ReasonTooLarge},
		"at the limit":          {[]string{"Bearer " + strings.Repeat("a", token.DefaultMaxSize)}, token.ReasonMalformed},
		"another scheme":        {[]string{"Basic YTpi"}, token.ReasonMissing},
		"empty":                 {[]string{""}, token.ReasonMalformed},
		"bearer alone":          {[]string{"Bearer"}, token.ReasonMalformed},
		"leading space":         {[]string{" Bearer " + raw}, token.ReasonMalformed},
		"trailing space":        {[]string{"Bearer " + raw + " "}, token.ReasonMalformed},
		"comma list":            {[]string{"Bearer " + raw + ", Bearer " + raw}, token.ReasonMalformed},
		"scheme in lower case":  {[]string{"bearer " + raw}, ""},
		"one bearer value":      {[]string{"Bearer " + raw}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				err := k.call(sending(t, test.values...), client)
				if test.want == "" {
					wantRefusal(t, err, codes.OK, "", "")
					return
				}
				wantRefusal(t, err, codes.Unauthenticated, test.want, "A")
			})
		})
	}
}

// TestTheVerifiersLimitIsTheServers sends tokens of sizes around a limit that is
// not the default.
func TestTheVerifiersLimitIsTheServers(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	w := newWorld(t, token.MaxSize(limit))
	client := serve(t, &service{}, w.server(t, interceptor.Authenticated()).Options()...)()
	for name, test := range map[string]struct {
		raw  string
		want token.Reason
	}{
		"over the default limit":  {w.issuer.Token(jwttest.Claim("x", strings.Repeat("a", 20<<10))), ""},
		"at the limit":            {strings.Repeat("a", limit), token.ReasonMalformed},
		"over the limit":          {strings.Repeat("a", limit+1), token.ReasonTooLarge},
		"20 KiB over the limit":   {strings.Repeat("a", limit+20<<10), token.ReasonTooLarge},
		"under the default limit": {w.issuer.Token(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				code := codes.Unauthenticated
				if test.want == "" {
					code = codes.OK
				}
				wantRefusal(t, k.call(sending(t, "Bearer "+test.raw), client), code, test.want, "")
			})
		})
	}
}

// TestDeciding has the rows about policy: what each rule answers to no token, a
// good one and a bad one, and what the handler then finds in its context.
func TestDeciding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, bad := "Bearer "+w.issuer.Token(), "Bearer "+w.issuer.Token(jwttest.Expired(time.Hour))
	const elsewhere = "/grpc.testing.TestService/EmptyCall"
	for name, test := range map[string]struct {
		policy      interceptor.Policy
		values      []string
		code        codes.Code
		reason      token.Reason
		findsCaller bool
	}{
		"no rule, no token":         {interceptor.Authenticated(elsewhere), nil, codes.PermissionDenied, interceptor.ReasonNoPolicy, false},
		"no rule, good token":       {interceptor.Authenticated(elsewhere), []string{good}, codes.PermissionDenied, interceptor.ReasonNoPolicy, false},
		"no rule, garbage":          {interceptor.Public(elsewhere), []string{"x"}, codes.PermissionDenied, interceptor.ReasonNoPolicy, false},
		"public, no token":          {interceptor.Public(allMethods()...), nil, codes.OK, "", false},
		"public, good token":        {interceptor.Public(allMethods()...), []string{good}, codes.OK, "", false},
		"public, bad token":         {interceptor.Public(allMethods()...), []string{bad}, codes.OK, "", false},
		"public, two values":        {interceptor.Public(allMethods()...), []string{good, bad}, codes.OK, "", false},
		"optional, no token":        {interceptor.Optional(allMethods()...), nil, codes.OK, "", false},
		"optional, another scheme":  {interceptor.Optional(allMethods()...), []string{"Basic YTpi"}, codes.OK, "", false},
		"optional, good token":      {interceptor.Optional(allMethods()...), []string{good}, codes.OK, "", true},
		"optional, bad token":       {interceptor.Optional(allMethods()...), []string{bad}, codes.Unauthenticated, token.ReasonExpired, false},
		"optional, two values":      {interceptor.Optional(allMethods()...), []string{good, good}, codes.Unauthenticated, token.ReasonMalformed, false},
		"authenticated, no token":   {interceptor.Authenticated(allMethods()...), nil, codes.Unauthenticated, token.ReasonMissing, false},
		"authenticated, good token": {interceptor.Authenticated(allMethods()...), []string{good}, codes.OK, "", true},
		"authenticated, bad token":  {interceptor.Authenticated(), []string{bad}, codes.Unauthenticated, token.ReasonExpired, false},
		"a rule of its own, after that for all others": {
			interceptor.Rules(interceptor.Authenticated(), interceptor.Public(allMethods()...)),
			nil, codes.OK, "", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				impl := &service{}
				client := serve(t, impl, w.server(t, test.policy).Options()...)()
				err := k.call(sending(t, test.values...), client)
				wantRefusal(t, err, test.code, test.reason, "")
				wantHandled(t, impl, test.code == codes.OK, test.findsCaller)
			})
		})
	}
}

func wantHandled(t *testing.T, impl *service, served, findsCaller bool) {
	t.Helper()
	seen := impl.seen()
	if (len(seen) == 1) != served {
		t.Fatalf("the handler ran %d times", len(seen))
	}
	if !served {
		return
	}
	if seen[0].found != findsCaller {
		t.Errorf("the handler finds a caller: %v, want %v", seen[0].found, findsCaller)
	}
	if findsCaller && seen[0].token.Subject() != jwttest.DefaultSubject {
		t.Errorf("the handler finds %v", seen[0].token.Principal())
	}
}

// answer is a key set that always says the same.
type answer struct{ err error }

func (a answer) Key(context.Context, string, keyset.Algorithm) (*keyset.Key, error) {
	return nil, a.err
}

// TestVerdicts has the codes that reasons are told by, and what goes with them.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, token.WithRevocations(sessionEnded{}), token.MaxLifetime(24*time.Hour))
	for name, test := range map[string]struct {
		with []jwttest.TokenOption
		want token.Reason
	}{
		"TOKEN_UNSUPPORTED":   {[]jwttest.TokenOption{jwttest.Header("alg", "none")}, token.ReasonUnsupported},
		"KEY_UNKNOWN":         {[]jwttest.TokenOption{jwttest.Header("kid", "x")}, token.ReasonKeyUnknown},
		"SIGNATURE_INVALID":   {[]jwttest.TokenOption{jwttest.Forged()}, token.ReasonSignatureInvalid},
		"TOKEN_EXPIRED":       {[]jwttest.TokenOption{jwttest.Expired(time.Hour)}, token.ReasonExpired},
		"TOKEN_NOT_YET_VALID": {[]jwttest.TokenOption{jwttest.NotYetValid(time.Hour)}, token.ReasonNotYetValid},
		"ISSUER_MISMATCH":     {[]jwttest.TokenOption{jwttest.IssuedBy("x")}, token.ReasonIssuerMismatch},
		"AUDIENCE_MISMATCH":   {[]jwttest.TokenOption{jwttest.Audience("x")}, token.ReasonAudienceMismatch},
		"CLAIMS_INVALID":      {[]jwttest.TokenOption{jwttest.Without("exp")}, token.ReasonClaimsInvalid},
		"TOKEN_REVOKED":       {[]jwttest.TokenOption{jwttest.Subject("revoked")}, token.ReasonRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, &service{}, w.server(t, interceptor.Authenticated(), interceptor.Name("A")).Options()...)()
			raw := w.issuer.Token(test.with...)
			forEachKind(t, func(t *testing.T, k kind) {
				var header, trailer grpcmd.MD
				err := k.call(sending(t, "Bearer "+raw), client, grpc.Header(&header), grpc.Trailer(&trailer))
				wantRefusal(t, err, codes.Unauthenticated, test.want, "A")
				challenge := strings.Join(header.Get("www-authenticate"), "|")
				if !strings.HasPrefix(challenge, `Bearer error="invalid_token", error_description="`) {
					t.Errorf("www-authenticate is %q", challenge)
				}
				if len(trailer.Get("www-authenticate")) != 0 {
					t.Error("www-authenticate is a trailer, which net/http forbids")
				}
				if text := status.Convert(err).String(); strings.Contains(text, raw[:20]) || strings.Contains(text, `"x"`) {
					t.Errorf("the caller is shown what the token says: %s", text)
				}
			})
		})
	}
}

// sessionEnded says that the tokens of one subject are revoked.
type sessionEnded struct{}

func (sessionEnded) Revoked(t *token.Token) (bool, error) { return t.Subject() == "revoked", nil }

func (sessionEnded) Covers(_, _ time.Duration) error { return nil }

func (sessionEnded) OnRevoked(*token.Token, func()) (stop func()) { return func() {} }

func TestMissingTokenIsChallengedWithoutAnErrorCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := serve(t, &service{}, w.server(t, interceptor.Authenticated()).Options()...)()
	var header grpcmd.MD
	err := callUnary(sending(t), client, grpc.Header(&header))
	wantRefusal(t, err, codes.Unauthenticated, token.ReasonMissing, "")
	if got := header.Get("www-authenticate"); len(got) != 1 || got[0] != "Bearer" {
		t.Errorf("www-authenticate is %q", got)
	}
}

func TestNoChallengeForWhatNoTokenWouldChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := serve(t, &service{}, w.server(t, interceptor.Authenticated("/a.B/C")).Options()...)()
	var header grpcmd.MD
	err := callUnary(sending(t), client, grpc.Header(&header))
	wantRefusal(t, err, codes.PermissionDenied, interceptor.ReasonNoPolicy, "")
	if got := header.Get("www-authenticate"); len(got) != 0 {
		t.Errorf("www-authenticate is %q", got)
	}
}

// TestAnOutageIsNotADenial is the row about unreachable keys.
func TestAnOutageIsNotADenial(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want time.Duration
	}{
		"that knows when to come back": {&keyset.UnavailableError{After: 7 * time.Second}, 7 * time.Second},
		"that does not":                {keyset.ErrUnavailable, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			verifier, err := token.NewVerifier([]token.Issuer{{
				URL: w.issuer.URL(), Audiences: w.issuer.Audience(), Keys: answer{test.err},
			}})
			if err != nil {
				t.Fatal(err)
			}
			client := serve(t, &service{}, world{w.issuer, verifier}.server(t, interceptor.Authenticated()).Options()...)()
			forEachKind(t, func(t *testing.T, k kind) {
				err := k.call(sending(t, "Bearer "+w.issuer.Token()), client)
				wantRefusal(t, err, codes.Unavailable, token.ReasonKeysUnavailable, "")
				if got := retryOf(err); got != test.want {
					t.Errorf("RetryInfo says %v, want %v", got, test.want)
				}
			})
		})
	}
}

func retryOf(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			return retry.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

func TestOuterInterceptorsSeeAnErrorTheyCanUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.server(t, interceptor.Authenticated())
	_, err := server.UnaryInterceptor(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/a.B/C"}, nil)
	if token.ReasonOf(err) != token.ReasonMissing {
		t.Errorf("ReasonOf(%v) = %q", err, token.ReasonOf(err))
	}
	wrapped := errors.Join(errors.New("outer"), err)
	if status.Code(wrapped) != codes.Unauthenticated {
		t.Errorf("wrapped, the code is %v", status.Code(wrapped))
	}
}

// TestAuthFuncDecidesAlike puts AuthFunc under interceptors as go-grpc-middleware
// has them.
func TestAuthFuncDecidesAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	decide := w.server(t, interceptor.Authenticated(allMethods()[:2]...), interceptor.Name("A")).AuthFunc()
	unary := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		ctx, err := decide(ctx)
		if err != nil {
			return nil, err
		}
		return next(ctx, req)
	}
	stream := func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		ctx, err := decide(stream.Context())
		if err != nil {
			return err
		}
		return next(srv, inContext{stream, ctx})
	}
	impl := &service{}
	client := serve(t, impl, grpc.UnaryInterceptor(unary), grpc.StreamInterceptor(stream))()
	for i, k := range kinds() {
		err := k.call(sending(t, "Bearer "+w.issuer.Token()), client)
		if i >= 2 {
			wantRefusal(t, err, codes.PermissionDenied, interceptor.ReasonNoPolicy, "A")
			continue
		}
		wantRefusal(t, err, codes.OK, "", "")
		wantRefusal(t, k.call(sending(t), client), codes.Unauthenticated, token.ReasonMissing, "A")
	}
	for _, arrived := range impl.seen() {
		if !arrived.found {
			t.Error("the handler finds no caller")
		}
	}
	_, err := decide(grpcmd.NewIncomingContext(t.Context(), grpcmd.Pairs("authorization", "Bearer "+w.issuer.Token())))
	wantRefusal(t, err, codes.PermissionDenied, interceptor.ReasonNoPolicy, "A")
}

// inContext is a stream in another context.
type inContext struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // how a stream has one
}

func (s inContext) Context() context.Context { return s.ctx }

func TestNewServerRefusesMistakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := interceptor.Authenticated()
	for name, test := range map[string]struct {
		verifier *token.Verifier
		policy   interceptor.Policy
		options  []interceptor.ServerOption
		says     string
	}{
		"no verifier":          {nil, all, nil, "verifier"},
		"no policy":            {w.verifier, nil, nil, "interceptor.Authenticated()"},
		"public for nothing":   {w.verifier, interceptor.Public(), nil, "names no method"},
		"optional for nothing": {w.verifier, interceptor.Optional(), nil, "names no method"},
		"empty Rules":          {w.verifier, interceptor.Rules(), nil, "Rules"},
		"nil in Rules":         {w.verifier, interceptor.Rules(nil), nil, "nil policy"},
		"everything twice":     {w.verifier, interceptor.Rules(all, all), nil, "twice"},
		"two rules":            {w.verifier, interceptor.Rules(interceptor.Public("/a.B/C"), interceptor.Authenticated("/a.B/C")), nil, `/a.B/C has two rules: "anyone" by Public() and "a valid token" by Authenticated()`},
		"an empty list":        {w.verifier, interceptor.Authenticated([]string{}...), nil, "Authenticated() names no method"},
		"the same rule twice":  {w.verifier, interceptor.Public("/a.B/C", "/a.B/C"), nil, "/a.B/C has two rules"},
		"no leading slash":     {w.verifier, interceptor.Public("a.B/C"), nil, "a.B/C"},
		"service only":         {w.verifier, interceptor.Public("/a.B"), nil, "/a.B"},
		"service and slash":    {w.verifier, interceptor.Public("/a.B/"), nil, "/a.B/"},
		"two slashes":          {w.verifier, interceptor.Public("//a.B/C"), nil, "//a.B/C"},
		"pattern":              {w.verifier, interceptor.Public("/a.B/*"), nil, "/a.B/*"},
		"not UTF-8":            {w.verifier, all, []interceptor.ServerOption{interceptor.Name("caf\xe9")}, "UTF-8"},
		"header without name":  {w.verifier, all, []interceptor.ServerOption{interceptor.HeaderName("")}, "HeaderName"},
		"bad header":           {w.verifier, all, []interceptor.ServerOption{interceptor.HeaderName("grpc-x")}, "reserved"},
		"nil observer":         {w.verifier, all, []interceptor.ServerOption{interceptor.WithObserver(nil)}, "WithObserver"},
		"nil clock":            {w.verifier, all, []interceptor.ServerOption{interceptor.WithClock(nil)}, "WithClock"},
		"nil option":           {w.verifier, all, []interceptor.ServerOption{nil}, "nil option"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := interceptor.NewServer(test.verifier, test.policy, test.options...)
			if server != nil || err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want an error that says %q", err, test.says)
			}
		})
	}
}
