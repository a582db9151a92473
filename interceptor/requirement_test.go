package interceptor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// asking returns the policy that asks every caller for a valid token and more.
func asking(requirements ...interceptor.Requirement) interceptor.Policy {
	return interceptor.Authenticated().With(requirements...)
}

func TestScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all, anyOf := interceptor.Scopes, interceptor.AnyScope
	for name, test := range map[string]struct {
		asked interceptor.Requirement
		scope any // the claim; nil for none
		want  bool
	}{
		"the one":                  {all("read"), "read", true},
		"the one of several":       {all("read"), "write read admin", true},
		"all, in another order":    {all("read", "write"), "write admin read", true},
		"all but one":              {all("read", "write"), "read admin", false},
		"asked for twice":          {all("read", "read"), "read", true},
		"none granted":             {all("read"), nil, false},
		"an empty claim":           {all("read"), "", false},
		"as a list":                {all("read", "write"), []string{"write", "read"}, true},
		"in another letter case":   {all("read"), "Read READ", false},
		"the beginning of another": {all("read"), "read.all reader", false},
		"the end of another":       {all("read"), "orders.read", false},
		"longer than granted":      {all("read.all"), "read", false},
		"two words of a list":      {all("read"), []string{"read write"}, false},
		"a star is no pattern":     {all("*"), "read", false},
		"a star that was granted":  {all("read"), "*", false},
		"between commas":           {all("read"), "read,write", false},
		"any: the first":           {anyOf("read", "write"), "read", true},
		"any: the last":            {anyOf("read", "write"), "x write", true},
		"any: both":                {anyOf("read", "write"), "write read", true},
		"any: none of them":        {anyOf("read", "write"), "admin", false},
		"any: none granted":        {anyOf("read", "write"), nil, false},
		"any: in another case":     {anyOf("read", "write"), "WRITE", false},
		"any: part of another":     {anyOf("read", "write"), "reader rewrite", false},
		"any: as a list":           {anyOf("read", "write"), []string{"write"}, true},
		"every character there is": {all("!#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~"), "!#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~", true},
		"any: of one":              {anyOf("read"), "read", true},
		"a URL":                    {all("https://acme.test/read"), "https://acme.test/read", true},
	} {
		var options []jwttest.TokenOption
		if test.scope != nil {
			options = append(options, jwttest.Claim("scope", test.scope))
		}
		want := interceptor.ReasonScopeInsufficient
		if test.want {
			want = ""
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantAnswer(t, w.server(t, asking(test.asked)), "/a.B/C", w.issuer.Token(options...), want)
		})
	}
}

// TestClaim has values; the paths are in TestClaimPath.
func TestClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := w.issuer.Token(
		jwttest.Claim("tenant", "acme"),
		jwttest.Claim("level", 3),
		jwttest.Claim("verified", true),
		jwttest.Claim("gone", nil),
		jwttest.Claim("empty", ""),
		jwttest.Claim("realm_access", map[string]any{"roles": []any{"buyer", 7, false, nil, []string{"inner"}}}),
	)
	for name, test := range map[string]struct {
		path   string
		values []string
		want   bool
	}{
		"equal":             {"tenant", []string{"acme"}, true},
		"one of several":    {"tenant", []string{"globex", "acme"}, true},
		"another":           {"tenant", []string{"globex"}, false},
		"another case":      {"tenant", []string{"Acme"}, false},
		"a part":            {"tenant", []string{"ac", ""}, false},
		"more":              {"tenant", []string{"acme "}, false},
		"number":            {"level", []string{"3"}, true},
		"another number":    {"level", []string{"4", "3.0", "03"}, false},
		"true":              {"verified", []string{"true"}, true},
		"not false":         {"verified", []string{"false", "True", "1"}, false},
		"null":              {"gone", []string{"null", "", "<nil>"}, false},
		"empty":             {"empty", []string{""}, true},
		"missing":           {"nobody", []string{""}, false},
		"in a list":         {"realm_access.roles", []string{"seller", "buyer"}, true},
		"number in a list":  {"realm_access.roles", []string{"7"}, true},
		"false in a list":   {"realm_access.roles", []string{"false"}, true},
		"not in a list":     {"realm_access.roles", []string{"seller"}, false},
		"in an inner list":  {"realm_access.roles", []string{"inner"}, false},
		"an object":         {"realm_access", []string{"roles", "buyer", "", "{}"}, false},
		"beneath a string":  {"tenant.acme", []string{"acme", ""}, false},
		"beneath a list":    {"realm_access.roles.buyer", []string{"buyer", "true", ""}, false},
		"the token's owner": {"sub", []string{jwttest.DefaultSubject}, true},
	} {
		want := interceptor.ReasonClaimRequired
		if test.want {
			want = ""
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := w.server(t, asking(interceptor.Claim(test.path, test.values...)))
			wantAnswer(t, server, "/a.B/C", raw, want)
		})
	}
}

// TestIssuers has two issuers that the verifier trusts, and a rule for one.
func TestIssuers(t *testing.T) {
	t.Parallel()
	var issuers []*jwttest.Issuer
	for _, url := range []string{"https://a.test", "https://b.test"} {
		issuers = append(issuers, jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithURL(url), jwttest.WithClock(noon)))
	}
	verifier := verifierOfTwo(t, issuers)
	for name, test := range map[string]struct {
		asked interceptor.Requirement
		a, b  bool
	}{
		"one":               {interceptor.Issuers("https://a.test"), true, false},
		"the other":         {interceptor.Issuers("https://b.test"), false, true},
		"both":              {interceptor.Issuers("https://b.test", "https://a.test"), true, true},
		"neither":           {interceptor.Issuers("https://c.test"), false, false},
		"with a slash":      {interceptor.Issuers("https://a.test/"), false, false},
		"another case":      {interceptor.Issuers("https://A.test"), false, false},
		"a part":            {interceptor.Issuers("https://a"), false, false},
		"an empty neighbor": {interceptor.Issuers("https://a.test", " "), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := interceptor.NewServer(verifier, asking(test.asked))
			if err != nil {
				t.Fatal(err)
			}
			for i, allowed := range []bool{test.a, test.b} {
				want := interceptor.ReasonIssuerNotAllowed
				if allowed {
					want = ""
				}
				wantAnswer(t, server, "/a.B/C", issuers[i].Token(), want)
			}
		})
	}
}

// TestMaxAge stops the clock to find the boundary, to the nanosecond.
func TestMaxAge(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithClock(noon))
	verifier, err := token.NewVerifier([]token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()}},
		token.WithClock(noon), token.Leeway(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	issued := func(ago time.Duration) jwttest.TokenOption { return jwttest.IssuedAt(noon().Add(-ago)) }
	for name, test := range map[string]struct {
		most   time.Duration
		issued jwttest.TokenOption
		passed time.Duration // since noon, on the server's clock
		want   bool
	}{
		"just now":               {5 * time.Minute, issued(0), 0, true},
		"as old as can be":       {5 * time.Minute, issued(5 * time.Minute), 0, true},
		"a nanosecond older":     {5 * time.Minute, issued(5 * time.Minute), 1, false},
		"a nanosecond allowed":   {5*time.Minute + 1, issued(5 * time.Minute), 1, true},
		"within the leeway only": {5 * time.Minute, issued(5*time.Minute + time.Second), 0, false},
		"a day old":              {5 * time.Minute, issued(24 * time.Hour), 0, false},
		"no iat":                 {5 * time.Minute, jwttest.Without("iat"), 0, false},
		"no iat, any age":        {1<<63 - 1, jwttest.Without("iat"), 0, false},
		"of 1970":                {5 * time.Minute, jwttest.Claim("iat", 0), 0, false},
		"of 1970, any age":       {1<<63 - 1, jwttest.Claim("iat", 0), 0, true},
		"ahead, by the leeway":   {time.Second, issued(-time.Minute), 0, true},
		"half a second":          {2 * time.Second, jwttest.Claim("iat", float64(noon().Unix())-1.5), 0, true},
		"half a second more":     {time.Second, jwttest.Claim("iat", float64(noon().Unix())-1.5), 0, false},
		"a nanosecond":           {1, issued(0), 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := func() time.Time { return noon().Add(test.passed) }
			server, err := interceptor.NewServer(verifier, asking(interceptor.MaxAge(test.most)), interceptor.WithClock(now))
			if err != nil {
				t.Fatal(err)
			}
			want := interceptor.ReasonTooOld
			if test.want {
				want = ""
			}
			wantAnswer(t, server, "/a.B/C", issuer.Token(test.issued), want)
		})
	}
}

// TestRequire has what a function may answer, and what becomes of it.
func TestRequire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const inside = "row 17 of the ledger"
	text := errors.New(inside)
	for name, test := range map[string]struct {
		err    error
		code   codes.Code
		reason token.Reason
	}{
		"yes":                        {nil, codes.OK, ""},
		"no":                         {text, codes.PermissionDenied, interceptor.ReasonCallNotAllowed},
		"no, as a status":            {status.Error(codes.NotFound, inside), codes.PermissionDenied, interceptor.ReasonCallNotAllowed},
		"no, unauthenticated":        {status.Error(codes.Unauthenticated, inside), codes.PermissionDenied, interceptor.ReasonCallNotAllowed},
		"no, of a status OK":         {okError{inside}, codes.PermissionDenied, interceptor.ReasonCallNotAllowed},
		"no, canceled elsewhere":     {status.Error(codes.Canceled, inside), codes.PermissionDenied, interceptor.ReasonCallNotAllowed},
		"no, as a token's error":     {token.NewError(token.ReasonRevoked, text), codes.PermissionDenied, interceptor.ReasonCallNotAllowed},
		"unavailable":                {status.Error(codes.Unavailable, inside), codes.Unavailable, interceptor.ReasonPolicyUnavailable},
		"unavailable, wrapped":       {fmt.Errorf("%s: %w", inside, status.Error(codes.Unavailable, inside)), codes.Unavailable, interceptor.ReasonPolicyUnavailable},
		"unavailable, joined":        {errors.Join(text, status.Error(codes.Unavailable, inside)), codes.Unavailable, interceptor.ReasonPolicyUnavailable},
		"too late":                   {status.Error(codes.DeadlineExceeded, inside), codes.Unavailable, interceptor.ReasonPolicyUnavailable},
		"a context that is too late": {fmt.Errorf("%s: %w", inside, context.DeadlineExceeded), codes.Unavailable, interceptor.ReasonPolicyUnavailable},
		"a context that was left":    {fmt.Errorf("%s: %w", inside, context.Canceled), codes.Unavailable, interceptor.ReasonPolicyUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen recorder
			server := w.server(t, asking(interceptor.Require(func(context.Context, *token.Token) error { return test.err })),
				interceptor.WithObserver(&seen), interceptor.Name("A"))
			client := serve(t, &service{}, server.Options()...)()
			raw := w.issuer.Token()
			for _, k := range kinds() {
				err := k.call(sending(t, "Bearer "+raw), client)
				wantRefusal(t, err, test.code, test.reason, map[bool]string{true: "A"}[test.err != nil])
				wantRetry(t, err, test.code == codes.Unavailable)
				if strings.Contains(fmt.Sprint(status.Convert(err).Proto()), "ledger") {
					t.Errorf("the caller is told what the function said: %v", err)
				}
			}
			for _, d := range seen.decisions {
				if test.err == nil {
					continue
				}
				wantLogged(t, d.Err, raw, string(test.reason), inside)
				if !errors.Is(d.Err, test.err) || d.Token == nil {
					t.Errorf("the observer is told %v of %v", d.Err, d.Token)
				}
			}
		})
	}
}

// wantRetry checks that a caller is told when to try again, if there is a point.
func wantRetry(t *testing.T, err error, want bool) {
	t.Helper()
	if got := retryOf(err); (got > 0) != want {
		t.Errorf("RetryInfo says %v", got)
	}
}

// okError is an error that calls itself OK.
type okError struct{ text string }

func (e okError) Error() string            { return e.text }
func (okError) GRPCStatus() *status.Status { return status.New(codes.OK, "") }

func TestRequireGetsTheCallAndItsToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := 0
	server := w.server(t, asking(interceptor.Require(func(ctx context.Context, caller *token.Token) error {
		asked++
		found, _ := token.FromContext(ctx)
		if grpcmd.ValueFromIncomingContext(ctx, "x-shop") == nil || found != caller || caller.Subject() != "bob" {
			return errors.New("this is another call")
		}
		return nil
	}), interceptor.Scopes("read")))
	call := func(options ...jwttest.TokenOption) token.Reason {
		ctx := grpcmd.NewIncomingContext(t.Context(), grpcmd.Pairs("x-shop", "17", "authorization", "Bearer "+w.issuer.Token(options...)))
		return reasonIn(asUnary(ctx, server, "/a.B/C"))
	}
	if got := call(jwttest.Subject("bob")); got != interceptor.ReasonScopeInsufficient || asked != 0 {
		t.Errorf("without the scope: %q; the function was asked %d times", got, asked)
	}
	if got := call(jwttest.Subject("bob"), jwttest.Scopes("read"), jwttest.Expired(time.Hour)); got != token.ReasonExpired || asked != 0 {
		t.Errorf("expired: %q; the function was asked %d times", got, asked)
	}
	if got := call(jwttest.Subject("bob"), jwttest.Scopes("read")); got != "" || asked != 1 {
		t.Errorf("%q; the function was asked %d times", got, asked)
	}
}

// TestRequireDoesNotCatchPanics leaves that to whoever recovers from those of
// handlers.
func TestRequireDoesNotCatchPanics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.server(t, asking(interceptor.Require(func(context.Context, *token.Token) error { panic("mine") })))
	defer func() {
		if got := recover(); got != "mine" {
			t.Errorf("recovered %v", got)
		}
	}()
	_ = asUnary(carrying(t.Context(), w.issuer.Token()), server, "/a.B/C")
	t.Error("the call went on")
}

// TestRequirementsAreCheckedInOneOrder writes them in many.
func TestRequirementsAreCheckedInOneOrder(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithAlgorithms(keyset.HS256), jwttest.WithClock(noon))
	verifier := verifierOfTwo(t, []*jwttest.Issuer{issuer})
	steps := []struct {
		met, unmet interceptor.Requirement
		reason     token.Reason
	}{
		{interceptor.AnyScope("yes"), interceptor.Scopes("no"), interceptor.ReasonScopeInsufficient},
		{interceptor.Claim("sub", "alice"), interceptor.Claim("sub", "bob"), interceptor.ReasonClaimRequired},
		{interceptor.Issuers(issuer.URL()), interceptor.Issuers("https://no.test"), interceptor.ReasonIssuerNotAllowed},
		{interceptor.MaxAge(time.Hour), interceptor.MaxAge(time.Second), interceptor.ReasonTooOld},
		{interceptor.Peers("yes.test"), interceptor.Peers("no.test"), interceptor.ReasonPeerNotAllowed},
		{interceptor.Require(askSubject), interceptor.Require(func(context.Context, *token.Token) error { return errors.New("no") }), interceptor.ReasonCallNotAllowed},
	}
	raw := issuer.Token(jwttest.Scopes("yes"), jwttest.IssuedAt(noon().Add(-time.Minute)))
	ctx := context.WithValue(carrying(t.Context(), raw), peersKey{}, []string{"yes.test"})
	for met := range len(steps) + 1 { // that many, from the first
		var asked []interceptor.Requirement
		want := token.Reason("")
		for i, step := range steps {
			if i < met {
				asked = append(asked, step.met)
				continue
			}
			if want == "" {
				want = step.reason
			}
			asked = append(asked, step.unmet)
		}
		for _, order := range turns(asked) {
			together := interceptor.Authenticated().With(order...)
			apart := interceptor.Authenticated().With(order[:2]...).With(order[2:5]...)
			nested := interceptor.Rules(interceptor.Rules(apart)).With(order[5:]...)
			for _, policy := range []interceptor.Policy{together, nested} {
				server, err := newServer(verifier, policy)
				if err != nil {
					t.Fatal(err)
				}
				if got := reasonIn(asUnary(ctx, server, "/a.B/C")); got != want {
					t.Fatalf("%d are met: %q, want %q", met, got, want)
				}
			}
		}
	}
}

// turns returns the values in some orders: begun with each of them, forwards and
// backwards. Each value then stands before each other one, and at each place.
func turns[T any](values []T) [][]T {
	var orders [][]T
	for i := range values {
		forwards := slices.Concat(values[i:], values[:i])
		backwards := slices.Clone(forwards)
		slices.Reverse(backwards)
		orders = append(orders, forwards, backwards)
	}
	return orders
}

// TestPoliciesAreImmutable changes what they were made of: first before there is
// a server, then after.
func TestPoliciesAreImmutable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ruled := func(scope string) *protoregistry.Files {
		return protoFiles(t, protoFile("a.proto", "a", protoService("Proto", nil, protoMethod("Get", scopesRule(scope)))))
	}
	scopes, anyOf, values, issuers, peers := []string{"read"}, []string{"read"}, []string{"acme"}, []string{w.issuer.URL()}, []string{"a.test"}
	requirements := []interceptor.Requirement{interceptor.Scopes(scopes...), interceptor.AnyScope(anyOf...),
		interceptor.Claim("tenant", values...), interceptor.Issuers(issuers...), interceptor.Peers(peers...)}
	narrower := []interceptor.Requirement{interceptor.Claim("tenant", "acme")}
	methods, public, optional, files := []string{"/a.B/C"}, []string{"/a.B/Ping"}, []string{"/a.B/Peek"}, []*protoregistry.Files{ruled("read")}
	policies := []interceptor.Policy{
		interceptor.Authenticated(methods...).With(requirements...),
		interceptor.Public(public...), interceptor.Optional(optional...),
		interceptor.FromProto(files...).With(narrower...).With(narrower...),
	}
	policy := interceptor.Rules(policies...)

	server := func() *interceptor.Server {
		scopes[0], anyOf[0], values[0], issuers[0], peers[0] = "changed", "changed", "changed", "https://changed.test", "changed.test"
		for i := range requirements {
			requirements[i] = interceptor.Scopes("changed")
		}
		narrower[0] = interceptor.Scopes("changed")
		methods[0], public[0], optional[0], files[0] = "/changed.B/C", "/changed.B/Ping", "/changed.B/Peek", ruled("changed")
		for i := range policies {
			policies[i] = interceptor.Public("/a.B/C")
		}
		return w.server(t, policy, interceptor.WithPeerNames(func(context.Context) []string { return []string{"a.test"} }))
	}()
	good := w.issuer.Token(jwttest.Scopes("read"), jwttest.Claim("tenant", "acme"))
	for method, want := range map[string]struct{ nobody, good, other token.Reason }{
		"/a.B/C":       {token.ReasonMissing, "", interceptor.ReasonScopeInsufficient},
		"/a.B/Ping":    {},
		"/a.B/Peek":    {},
		"/a.Proto/Get": {token.ReasonMissing, "", interceptor.ReasonScopeInsufficient},
	} {
		wantAnswer(t, server, method, "", want.nobody)
		wantAnswer(t, server, method, good, want.good)
		wantAnswer(t, server, method, w.issuer.Token(jwttest.Scopes("changed")), want.other)
	}
	wantAnswer(t, server, "/a.Proto/Get", w.issuer.Token(jwttest.Scopes("read")), interceptor.ReasonClaimRequired)
}

// TestWithLeavesThePolicyAsItWas derives two policies from one.
func TestWithLeavesThePolicyAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := interceptor.Authenticated("/a.B/C").With(interceptor.Scopes("read"))
	write, admin := base.With(interceptor.Scopes("write")), base.With(interceptor.Scopes("admin"))
	const no = interceptor.ReasonScopeInsufficient
	type answers map[string]token.Reason // by the scopes that were granted
	for name, test := range map[string]struct {
		policy interceptor.Policy
		want   answers
	}{
		"base":  {base, answers{"read": "", "read write": "", "read admin": "", "write admin": no, "": no}},
		"write": {write, answers{"read": no, "read write": "", "read admin": no, "write admin": no, "": no}},
		"admin": {admin, answers{"read": no, "read write": no, "read admin": "", "write admin": no, "": no}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := w.server(t, test.policy)
			for granted, want := range test.want {
				wantAnswer(t, server, "/a.B/C", w.issuer.Token(jwttest.Scopes(granted)), want)
			}
		})
	}
}

// TestWithNarrowsRules has rules that With is for, rules that it isn't for, and
// rules outside of it.
func TestWithNarrowsRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inner := interceptor.Rules(
		interceptor.Public("/a.B/Ping"), interceptor.Optional("/a.B/Peek"),
		interceptor.Authenticated("/a.B/List"),
		interceptor.Authenticated("/a.B/Cancel").With(interceptor.Scopes("admin")),
	).With(interceptor.Claim("tenant", "acme"))
	tenant, admin := jwttest.Claim("tenant", "acme"), jwttest.Scopes("admin")
	const noScope, noClaim = interceptor.ReasonScopeInsufficient, interceptor.ReasonClaimRequired
	type answers struct{ nobody, plain, tenant, admin, both token.Reason }
	for name, test := range map[string]struct {
		policy interceptor.Policy
		others answers
	}{
		"others are outside": {interceptor.Rules(inner, interceptor.Authenticated()), answers{token.ReasonMissing, "", "", "", ""}},
		"others are inside": {interceptor.Rules(inner, interceptor.Authenticated().With(interceptor.Claim("tenant", "acme"))),
			answers{token.ReasonMissing, noClaim, "", noClaim, ""}},
		"there are no others": {inner, answers{interceptor.ReasonNoPolicy, interceptor.ReasonNoPolicy, interceptor.ReasonNoPolicy, interceptor.ReasonNoPolicy, interceptor.ReasonNoPolicy}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := w.server(t, test.policy)
			for method, want := range map[string]answers{
				"/a.B/Ping":   {},
				"/a.B/Peek":   {},
				"/a.B/List":   {token.ReasonMissing, noClaim, "", noClaim, ""},
				"/a.B/Cancel": {token.ReasonMissing, noScope, noScope, noClaim, ""},
				"/a.B/Other":  test.others,
			} {
				wantAnswer(t, server, method, "", want.nobody)
				wantAnswer(t, server, method, w.issuer.Token(), want.plain)
				wantAnswer(t, server, method, w.issuer.Token(tenant), want.tenant)
				wantAnswer(t, server, method, w.issuer.Token(admin), want.admin)
				wantAnswer(t, server, method, w.issuer.Token(admin, tenant), want.both)
			}
		})
	}
}

func TestRequirementMistakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fine := interceptor.Scopes("fine")
	for name, test := range map[string]struct {
		policy interceptor.Policy
		says   []string
	}{
		"no scope":              {asking(interceptor.Scopes()), []string{"Scopes() names nothing"}},
		"an empty scope":        {asking(interceptor.Scopes("a", "")), []string{`Scopes(""): not a scope`}},
		"two scopes in one":     {asking(interceptor.Scopes("a b")), []string{`Scopes("a b"): not a scope`}},
		"a quote in a scope":    {asking(interceptor.Scopes(`"a"`)), []string{"): not a scope"}},
		"a backslash":           {asking(interceptor.Scopes(`a\b`)), []string{"): not a scope"}},
		"a control character":   {asking(interceptor.Scopes("a\x7f")), []string{"): not a scope"}},
		"a scope on two lines":  {asking(interceptor.Scopes("a\n")), []string{"): not a scope"}},
		"a letter beyond ASCII": {asking(interceptor.Scopes("größe")), []string{"): not a scope"}},
		"bytes for a scope":     {asking(interceptor.Scopes("\xff")), []string{"): not a scope"}},
		"no scope of any":       {asking(interceptor.AnyScope()), []string{"AnyScope() names nothing"}},
		"an empty one of any":   {asking(interceptor.AnyScope("a", "")), []string{`AnyScope(""): not a scope`}},
		"no value":              {asking(interceptor.Claim("tenant")), []string{`Claim("tenant"): name the values`}},
		"no path":               {asking(interceptor.Claim("", "x")), []string{"a name is empty"}},
		"no issuer":             {asking(interceptor.Issuers()), []string{"Issuers() names nothing"}},
		"an empty issuer":       {asking(interceptor.Issuers("https://a.test", "")), []string{`Issuers(""): not an issuer`}},
		"no age":                {asking(interceptor.MaxAge(0)), []string{"MaxAge(0s) allows no token"}},
		"a negative age":        {asking(interceptor.MaxAge(-1)), []string{"MaxAge(-1ns) allows no token"}},
		"no peer":               {asking(interceptor.Peers()), []string{"Peers() names nothing"}},
		"an empty peer":         {asking(interceptor.Peers("a.test", "")), []string{`Peers(""): not a URI`}},
		"a pattern":             {asking(interceptor.Peers("*.acme.test")), []string{`Peers("*.acme.test"): not`}},
		"a line break":          {asking(interceptor.Peers("a.test\n")), []string{`Peers("a.test\n"): not`}},
		"a URI with a space":    {asking(interceptor.Peers("spiffe://acme/a b")), []string{`Peers("spiffe://acme/a b"): not`}},
		"a name beyond ASCII":   {asking(interceptor.Peers("bücher.test")), []string{`Peers("bücher.test"): not`}},
		"a host and port":       {asking(interceptor.Peers("a.test:443")), []string{`Peers("a.test:443"): not`}},
		"a common name":         {asking(interceptor.Peers("CN=orders")), []string{`Peers("CN=orders"): not`}},
		"an address":            {asking(interceptor.Peers("10.0.0.1")), []string{`Peers("10.0.0.1"): not`}},
		"scopes as a claim":     {asking(interceptor.Claim("scope", "a")), []string{`Claim("scope")`, "Scopes or AnyScope"}},
		"an index":              {asking(interceptor.Claim("roles[0]", "a")), []string{"without an index"}},
		"no text":               {asking(fine.Named("")), []string{`Named("")`}},
		"a text of two lines":   {asking(fine.Named("a\nb")), []string{"Named("}},
		"no function":           {asking(interceptor.Require(nil)), []string{"Require(nil)"}},
		"nothing":               {asking(interceptor.Requirement{}), []string{"a Requirement that asks for nothing"}},
		"nothing, among others": {asking(fine, interceptor.Requirement{}), []string{"a Requirement that asks for nothing"}},
		"no requirement":        {asking(), []string{"With() asks for nothing"}},
		"of anybody":            {interceptor.Public("/a.B/C").With(fine), []string{"With(...) has no effect"}},
		"of whoever":            {interceptor.Optional("/a.B/C").With(fine), []string{"With(...) has no effect"}},
		"of neither": {interceptor.Rules(interceptor.Public("/a.B/C"), interceptor.Optional("/a.B/D")).With(fine),
			[]string{"With(...) has no effect"}},
		"of neither, beside one": {interceptor.Rules(interceptor.Public("/a.B/C").With(fine), interceptor.Authenticated()),
			[]string{"With(...) has no effect"}},
		"of neither, inside": {interceptor.Rules(interceptor.Authenticated(), interceptor.Public("/a.B/C").With(fine)).With(fine),
			[]string{"With(...) has no effect"}},
		"several at once": {interceptor.Rules(asking(interceptor.Scopes(""), interceptor.MaxAge(-1)), interceptor.Public()),
			[]string{"the policy has mistakes", `Scopes(""): not a scope`, "MaxAge(-1ns)", "Public() names no method"}},
		"a mistake behind With": {interceptor.Authenticated("a").With(fine), []string{`interceptor: Authenticated(): "a" is not a full method name`}},
		"a method with a slash": {interceptor.Authenticated("/a.B/C/D").With(fine), []string{`"/a.B/C/D" is not a full method name`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantMistake(t, w, test.policy, append(test.says, "interceptor: ")...)
		})
	}
}

// TestWhatARefusedCallerIsTold has, for each reason of a rule, what goes over the
// wire: which scopes to ask for, and nothing else of the rule or the token.
func TestWhatARefusedCallerIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const challenge = `Bearer error="insufficient_scope", error_description="the token lacks a scope that this method needs", scope=`
	for name, test := range map[string]struct {
		asked     []interceptor.Requirement
		code      codes.Code
		reason    token.Reason
		scope     string
		challenge string
		logged    string
	}{
		"a scope": {[]interceptor.Requirement{interceptor.Scopes("orders.admin")}, codes.PermissionDenied,
			interceptor.ReasonScopeInsufficient, "orders.admin", challenge + `"orders.admin"`, "needs scope orders.admin"},
		"two scopes": {[]interceptor.Requirement{interceptor.Scopes("b", "a")}, codes.PermissionDenied,
			interceptor.ReasonScopeInsufficient, "b a", challenge + `"b a"`, "needs scope b and a"},
		"one of two": {[]interceptor.Requirement{interceptor.AnyScope("b", "a")}, codes.PermissionDenied,
			interceptor.ReasonScopeInsufficient, "b", challenge + `"b"`, "needs scope b or a"},
		"all of the rule, once": {[]interceptor.Requirement{interceptor.Scopes("b"), interceptor.AnyScope("c", "d"), interceptor.Scopes("e", "b")}, codes.PermissionDenied,
			interceptor.ReasonScopeInsufficient, "b c e", challenge + `"b c e"`, `has [\"confidential\"]`},
		"a claim": {[]interceptor.Requirement{interceptor.Claim("tenant", "confidential")}, codes.PermissionDenied,
			interceptor.ReasonClaimRequired, "", "", `needs claim tenant is \"confidential\"`},
		"an issuer": {[]interceptor.Requirement{interceptor.Issuers("https://confidential.test")}, codes.PermissionDenied,
			interceptor.ReasonIssuerNotAllowed, "", "", "needs issuer https://confidential.test, is of"},
		"an age": {[]interceptor.Requirement{interceptor.MaxAge(time.Minute)}, codes.Unauthenticated,
			interceptor.ReasonTooOld, "", `Bearer error="invalid_token", error_description="the token was issued too long ago for this method"`, "issued within 1m0s"},
		"a peer": {[]interceptor.Requirement{interceptor.Peers("confidential.test")}, codes.PermissionDenied,
			interceptor.ReasonPeerNotAllowed, "", "", "needs peer confidential.test"},
		"a function": {[]interceptor.Requirement{interceptor.Require(refuseAsConfidential)}, codes.PermissionDenied,
			interceptor.ReasonCallNotAllowed, "", "", "confidential"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen recorder
			server := w.server(t, asking(test.asked...), interceptor.Name("A"), interceptor.WithObserver(&seen))
			client := serve(t, &service{}, server.Options()...)()
			raw := w.issuer.Token(jwttest.Scopes("confidential"), jwttest.Claim("tenant", "acme"), jwttest.IssuedAt(time.Now().Add(-time.Hour)))
			for _, k := range kinds() {
				var header, trailer grpcmd.MD
				err := k.call(sending(t, "Bearer "+raw), client, grpc.Header(&header), grpc.Trailer(&trailer))
				wantRefusal(t, err, test.code, test.reason, "A")
				if refusal, _ := interceptor.RefusalFrom(err); refusal.Scope != test.scope {
					t.Errorf("%s: the scope is %q, want %q", k.name, refusal.Scope, test.scope)
				}
				if got := strings.Join(header.Get("www-authenticate"), "; "); got != test.challenge {
					t.Errorf("%s: www-authenticate is %s", k.name, got)
				}
				told := fmt.Sprint(header, trailer, status.Convert(err).Proto())
				if strings.Contains(told, "confidential") || strings.Contains(told, raw[:40]) {
					t.Errorf("%s: the caller is told too much", k.name)
				}
			}
			for _, d := range seen.decisions {
				wantLogged(t, d.Err, raw, string(test.reason), test.logged)
			}
		})
	}
}

func refuseAsConfidential(context.Context, *token.Token) error {
	return errors.New("a confidential matter")
}
