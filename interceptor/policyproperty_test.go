package interceptor_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	policyv1 "github.com/jwtrelay/jwtrelay/proto/jwtrelay/policy/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestProtoAndCodeAndTheDocumentationAgree makes random policies and random calls.
// What FromProto decides, what the same policy in code decides, and what the
// documentation says must be one thing.
func TestProtoAndCodeAndTheDocumentationAgree(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()                     //nolint:gosec // no secret; to run a failed one again, put its seed here
	r := dice{rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // no secret
	calls := r.calls(t, 400)
	verifier := verifierOfTwo(t, calls.issuers)

	const policies, callsOfEach = 500, 20
	count := make(map[token.Reason]int)
	for range policies {
		p := r.policy()
		fromProto, inCode := p.compile(t, verifier, r)
		if fromProto == nil {
			continue
		}
		for range callsOfEach {
			method := pick(r, append(slices.Clone(p.methods), "/acme.v1.Random/Unknown"))
			c := pick(r, calls.made)
			want := p.expected(method, c.facts)
			got, gotInCode := decided(t, fromProto, method, c, r.or()), decided(t, inCode, method, c, r.or())
			if got != want || gotInCode != want {
				t.Fatalf("seed %d: FromProto says %q, the code %q, want %q\nmethod %s has %+v\nthe call is %+v",
					seed, got, gotInCode, want, method, p.ruleOf(method), c.facts)
			}
			count[want]++
		}
	}
	for reason, atLeast := range map[token.Reason]int{
		"":                                  1000,
		interceptor.ReasonNoPolicy:          200,
		token.ReasonMissing:                 200,
		token.ReasonExpired:                 100,
		token.ReasonSignatureInvalid:        100,
		interceptor.ReasonScopeInsufficient: 200,
		interceptor.ReasonClaimRequired:     200,
		interceptor.ReasonIssuerNotAllowed:  50,
		interceptor.ReasonTooOld:            50,
		interceptor.ReasonPeerNotAllowed:    50,
		interceptor.ReasonCallNotAllowed:    20,
		interceptor.ReasonPolicyUnavailable: 20,
	} {
		if count[reason] < atLeast {
			t.Errorf("seed %d: %q was the answer %d times, want %d: %v", seed, reason, count[reason], atLeast, count)
		}
	}
}

// expected is what the documentation says of a call: "" is let in. A rule that is
// not there is nil.
func (p randomPolicy) expected(method string, c facts) token.Reason {
	rule := p.ruleOf(method)
	switch {
	case rule == nil:
		return interceptor.ReasonNoPolicy
	case rule.access == "public", rule.access == "optional" && c.bad == token.ReasonMissing:
		return ""
	case c.bad != "":
		return c.bad
	case rule.access == "optional":
		return ""
	case !hasAll(c.scopes, rule.allScopes) || len(rule.anyScopes) > 0 && !hasOne(c.scopes, rule.anyScopes):
		return interceptor.ReasonScopeInsufficient
	case slices.ContainsFunc(rule.claims, func(want randomClaim) bool { return !hasOne(c.claims[want.path], want.anyOf) }):
		return interceptor.ReasonClaimRequired
	case len(rule.issuers) > 0 && !hasOne(rule.issuers, []string{c.issuer}):
		return interceptor.ReasonIssuerNotAllowed
	case rule.maxAge > 0 && (c.undated || c.age > rule.maxAge):
		return interceptor.ReasonTooOld
	case len(rule.peers) > 0 && !slices.ContainsFunc(rule.peers, func(want string) bool { return slices.ContainsFunc(c.peers, samePeer(want)) }):
		return interceptor.ReasonPeerNotAllowed
	case rule.asksAFunction:
		return answersOfFunction()[c.subject]
	default:
		return ""
	}
}

func hasAll(has, want []string) bool {
	return !slices.ContainsFunc(want, func(one string) bool { return !slices.Contains(has, one) })
}

func hasOne(has, want []string) bool {
	return slices.ContainsFunc(want, func(one string) bool { return slices.Contains(has, one) })
}

func samePeer(a string) func(b string) bool {
	return func(b string) bool {
		return a == b || strings.EqualFold(a, b) && !strings.Contains(a, "://") && !strings.Contains(b, "://")
	}
}

// answersOfFunction are what askSubject says of subjects.
func answersOfFunction() map[string]token.Reason {
	return map[string]token.Reason{
		"alice": "", "mallory": interceptor.ReasonCallNotAllowed, "eve": interceptor.ReasonPolicyUnavailable,
	}
}

func askSubject(_ context.Context, t *token.Token) error {
	switch t.Subject() {
	case "mallory":
		return errors.New("not you")
	case "eve":
		return fmt.Errorf("ask again: %w", status.Error(codes.Unavailable, "the database is away"))
	default:
		return nil
	}
}

// randomPolicy is one. Its methods are those of one service.
type randomPolicy struct {
	methods  []string               // full names
	own      map[string]*randomRule // those of methods that have one
	standard *randomRule            // the default; nil for none
	more     *randomRule            // what With asks for beside; nil for nothing
	others   *randomRule            // of all other methods; nil for none
}

// randomRule is one of its rules.
type randomRule struct {
	access        string
	allScopes     []string
	anyScopes     []string
	claims        []randomClaim
	issuers       []string
	maxAge        time.Duration
	peers         []string
	asksAFunction bool
}

type randomClaim struct {
	path  string
	anyOf []string
}

// ruleOf returns the rule of a method: its own or the default, narrowed, or that
// of all others.
func (p randomPolicy) ruleOf(method string) *randomRule {
	r, ok := p.own[method]
	if !ok && slices.Contains(p.methods, method) {
		r = p.standard
	}
	switch {
	case r == nil:
		return p.others
	case r.access == "authenticated" && p.more != nil:
		narrowed := *r
		narrowed.allScopes = append(slices.Clone(r.allScopes), p.more.allScopes...)
		narrowed.claims = append(slices.Clone(r.claims), p.more.claims...)
		narrowed.asksAFunction = p.more.asksAFunction
		return &narrowed
	default:
		return r
	}
}

// compile returns a server whose policy is in a proto, and one whose policy is in
// code; nil if the policy is a mistake, as both must find.
func (p randomPolicy) compile(t *testing.T, verifier *token.Verifier, r dice) (fromProto, inCode *interceptor.Server) {
	t.Helper()
	var named []interceptor.Policy
	needsToken := false
	for _, method := range p.methods {
		rule, ok := p.own[method]
		if !ok {
			rule = p.standard
		}
		if rule != nil {
			named = append(named, rule.inCode(r, method))
			needsToken = needsToken || rule.access == "authenticated"
		}
	}
	proto, code := interceptor.FromProto(protoFiles(t, p.file(r))), interceptor.Rules(named...)
	if p.more != nil {
		proto, code = proto.With(p.more.requirements(r)...), code.With(p.more.requirements(r)...)
	}
	if p.others != nil {
		proto = interceptor.Rules(p.others.inCode(r), proto)
		code = interceptor.Rules(code, p.others.inCode(r))
	}
	fromProto, err := newServer(verifier, proto)
	inCode, errInCode := newServer(verifier, code)
	if mistaken := p.more != nil && !needsToken; (err != nil) != mistaken || (errInCode != nil) != mistaken {
		t.Fatalf("a mistake: %v; FromProto: %v; in code: %v", mistaken, err, errInCode)
	}
	return fromProto, inCode
}

func newServer(verifier *token.Verifier, policy interceptor.Policy) (*interceptor.Server, error) {
	return interceptor.NewServer(verifier, policy, interceptor.WithClock(noon), interceptor.WithPeerNames(peersIn))
}

// file returns a proto that says what the policy says.
func (p randomPolicy) file(r dice) *descriptorpb.FileDescriptorProto {
	service := protoService("Random", nil)
	service.Options = new(descriptorpb.ServiceOptions)
	r.setOption(service.Options, policyv1.E_DefaultRule, p.standard)
	for _, full := range p.methods {
		method := protoMethod(full[strings.LastIndexByte(full, '/')+1:], nil)
		method.Options = new(descriptorpb.MethodOptions)
		r.setOption(method.Options, policyv1.E_Rule, p.own[full])
		service.Method = append(service.Method, method)
	}
	return protoFile("acme/v1/random.proto", "acme.v1", service)
}

// setOption sets an option as generated code has it, or as bytes.
func (r dice) setOption(options pb.Message, extension protoreflect.ExtensionType, rule *randomRule) {
	switch {
	case rule == nil:
	case r.or():
		pb.SetExtension(options, extension, rule.inProto())
	default:
		raw, err := pb.Marshal(rule.inProto())
		if err != nil {
			panic(err)
		}
		options.ProtoReflect().SetUnknown(inField(optionField, raw))
	}
}

func (r *randomRule) inProto() *policyv1.Rule {
	switch r.access {
	case "public":
		return publicRule()
	case "optional":
		return optionalRule()
	}
	asked := &policyv1.Authenticated{AllScopes: r.allScopes, AnyScopes: r.anyScopes, Issuers: r.issuers, Peers: r.peers}
	for _, c := range r.claims {
		asked.Claims = append(asked.Claims, &policyv1.Claim{Path: c.path, AnyOf: c.anyOf})
	}
	if r.maxAge > 0 {
		asked.MaxAge = durationpb.New(r.maxAge)
	}
	return tokenRule(asked)
}

// inCode returns the rule for methods, whatever it asks for in any order, and by
// one With or two.
func (r *randomRule) inCode(d dice, methods ...string) interceptor.Policy {
	switch r.access {
	case "public":
		return interceptor.Public(methods...)
	case "optional":
		return interceptor.Optional(methods...)
	}
	policy, asked := interceptor.Authenticated(methods...), r.requirements(d)
	if len(asked) > 1 && d.or() {
		policy, asked = policy.With(asked[:1]...), asked[1:]
	}
	if len(asked) > 0 {
		policy = policy.With(asked...)
	}
	return policy
}

func (r *randomRule) requirements(d dice) []interceptor.Requirement {
	var asked []interceptor.Requirement
	if len(r.allScopes) > 0 && d.or() {
		asked = append(asked, interceptor.Scopes(r.allScopes...))
	} else {
		for _, scope := range r.allScopes {
			asked = append(asked, interceptor.Scopes(scope))
		}
	}
	if len(r.anyScopes) > 0 {
		asked = append(asked, interceptor.AnyScope(r.anyScopes...))
	}
	for _, c := range r.claims {
		asked = append(asked, interceptor.Claim(c.path, c.anyOf...))
	}
	if len(r.issuers) > 0 {
		asked = append(asked, interceptor.Issuers(r.issuers...))
	}
	if r.maxAge > 0 {
		asked = append(asked, interceptor.MaxAge(r.maxAge))
	}
	if len(r.peers) > 0 {
		asked = append(asked, interceptor.Peers(r.peers...))
	}
	if r.asksAFunction {
		asked = append(asked, interceptor.Require(askSubject))
	}
	d.Shuffle(len(asked), func(i, j int) { asked[i], asked[j] = asked[j], asked[i] })
	return asked
}

// randomCall is one.
type randomCall struct {
	facts
	raw string // its token, which failures don't show
}

// facts are what the call's token and peer are known to be.
type facts struct {
	bad     token.Reason // why the token is none; "" if it is valid
	subject string
	scopes  []string
	claims  map[string][]string // by path
	issuer  string
	undated bool
	age     time.Duration
	peers   []string
}

// decided returns what a server answers to a call.
func decided(t *testing.T, server *interceptor.Server, method string, c randomCall, stream bool) token.Reason {
	t.Helper()
	ctx := context.WithValue(carrying(t.Context(), c.raw), peersKey{}, c.peers)
	if stream {
		return reasonIn(asStream(ctx, server, method))
	}
	return reasonIn(asUnary(ctx, server, method))
}

type peersKey struct{}

func peersIn(ctx context.Context) []string {
	names, _ := ctx.Value(peersKey{}).([]string)
	return names
}

// noon is the clock of everything here.
func noon() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

func verifierOfTwo(t *testing.T, issuers []*jwttest.Issuer) *token.Verifier {
	t.Helper()
	var trusted []token.Issuer
	for _, issuer := range issuers {
		trusted = append(trusted, token.Issuer{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()})
	}
	verifier, err := token.NewVerifier(trusted, token.WithClock(noon))
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// dice make what is random.
type dice struct{ *rand.Rand }

func (r dice) or() bool { return r.IntN(2) == 0 }

// one is true once in n times.
func (r dice) one(n int) bool { return r.IntN(n) == 0 }

func pick[T any](r dice, from []T) T { return from[r.IntN(len(from))] }

// some returns up to most of the values, in any order.
func some(r dice, most int, from ...string) []string {
	picked := slices.Clone(from)
	r.Shuffle(len(picked), func(i, j int) { picked[i], picked[j] = picked[j], picked[i] })
	return picked[:r.IntN(min(most, len(picked))+1)]
}

func (r dice) policy() randomPolicy {
	p := randomPolicy{own: make(map[string]*randomRule)}
	for i := range 1 + r.IntN(5) {
		method := fmt.Sprintf("/acme.v1.Random/Method%d", i)
		p.methods = append(p.methods, method)
		if i == 0 || !r.one(3) {
			p.own[method] = r.rule()
		}
	}
	if r.or() {
		p.standard = r.rule()
	}
	if r.or() {
		p.more = &randomRule{allScopes: some(r, 1, "read", "write"), claims: r.claims(1), asksAFunction: true}
	}
	if r.one(4) {
		p.others = r.rule()
		p.others.access = "authenticated" // the only one that may be for all others
	}
	return p
}

func (r dice) rule() *randomRule {
	switch r.IntN(8) {
	case 0:
		return &randomRule{access: "public"}
	case 1:
		return &randomRule{access: "optional"}
	}
	asked := &randomRule{access: "authenticated"}
	if r.one(3) {
		asked.allScopes = some(r, 2, "read", "write", "admin")
	}
	if r.one(3) {
		asked.anyScopes = some(r, 3, "read", "write", "READ", "wr")
	}
	if r.one(3) {
		asked.claims = r.claims(2)
	}
	if r.one(3) {
		asked.issuers = some(r, 2, "https://a.test", "https://b.test", "https://a.test/", "https://A.test")
	}
	if r.one(3) {
		asked.maxAge = pick(r, []time.Duration{time.Nanosecond, time.Minute - time.Nanosecond, time.Minute, time.Hour})
	}
	if r.one(3) {
		asked.peers = some(r, 2, "orders.acme.test", "Billing.Acme.Test", "spiffe://acme/orders", "gateway.acme.test")
	}
	return asked
}

// claimValues are the claims that there are, by path, and some of what they may say.
func claimValues() map[string][]string {
	return map[string][]string{
		"tenant":                           {"acme", "globex", "ACME", ""},
		"realm_access.roles":               {"buyer", "seller", "owner"},
		`"https://acme.example/app".level`: {"1", "2", "1.0"},
		`realm_access."is.verified"`:       {"true", "false"},
	}
}

func (r dice) claims(most int) []randomClaim {
	var claims []randomClaim
	values := claimValues()
	for _, path := range some(r, most, sortedKeys(values)...) {
		anyOf := some(r, 3, values[path]...)
		claims = append(claims, randomClaim{path, append(anyOf, pick(r, values[path]))})
	}
	return claims
}

func sortedKeys(m map[string][]string) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys) // or the seed would not decide alone
	return keys
}

// randomCalls are many, and the issuers of their tokens.
type randomCalls struct {
	issuers []*jwttest.Issuer
	made    []randomCall
}

func (r dice) calls(t *testing.T, n int) randomCalls {
	t.Helper()
	var all randomCalls
	for _, url := range []string{"https://a.test", "https://b.test"} {
		all.issuers = append(all.issuers, jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithURL(url),
			jwttest.WithAlgorithms(keyset.HS256), jwttest.WithClock(noon)))
		_ = all.issuers[len(all.issuers)-1].Token() // which makes its key
	}
	for range n {
		all.made = append(all.made, r.call(pick(r, all.issuers)))
	}
	return all
}

func (r dice) call(issuer *jwttest.Issuer) randomCall {
	c := randomCall{facts: facts{
		subject: pick(r, []string{"alice", "alice", "mallory", "eve"}),
		issuer:  issuer.URL(),
		claims:  make(map[string][]string),
		peers:   some(r, 3, "orders.acme.test", "billing.ACME.test", "spiffe://acme/orders", "spiffe://acme/Orders", "*.acme.test"),
	}}
	options := []jwttest.TokenOption{jwttest.Subject(c.subject), jwttest.ExpiresIn(2 * time.Hour)}
	options = append(options, r.scopesOf(&c.facts)...)
	options = append(options, r.claimsOf(&c.facts)...)
	options = append(options, r.dateOf(&c.facts))
	switch r.IntN(12) {
	case 0:
		c.bad = token.ReasonMissing
		return c
	case 1:
		c.bad = token.ReasonExpired
		options = append(options, jwttest.Expired(time.Hour))
	case 2:
		c.bad = token.ReasonSignatureInvalid
		options = append(options, jwttest.Forged())
	}
	c.raw = issuer.Token(options...)
	return c
}

// scopesOf writes scopes in one of the ways in which issuers do.
func (r dice) scopesOf(c *facts) []jwttest.TokenOption {
	c.scopes = some(r, 4, "read", "write", "admin", "READ", "read.all", "wr")
	text := strings.Join(c.scopes, pick(r, []string{" ", "  "}))
	switch r.IntN(5) {
	case 0:
		return []jwttest.TokenOption{jwttest.Claim("scope", text)}
	case 1:
		return []jwttest.TokenOption{jwttest.Claim("scope", c.scopes)}
	case 2:
		return []jwttest.TokenOption{jwttest.Claim("scp", text)}
	case 3:
		return []jwttest.TokenOption{jwttest.Claim("scope", text), jwttest.Claim("scp", "read write admin")}
	default:
		return []jwttest.TokenOption{jwttest.Claim("scp", c.scopes)}
	}
}

// claimsOf writes claims as strings, numbers, booleans and lists, some of them in
// an object.
func (r dice) claimsOf(c *facts) []jwttest.TokenOption {
	var options []jwttest.TokenOption
	access := make(map[string]any)
	if !r.one(4) {
		tenant := pick(r, []string{"acme", "globex", "ACME", ""})
		c.claims["tenant"] = []string{tenant}
		options = append(options, jwttest.Claim("tenant", tenant))
	}
	switch roles := some(r, 3, "buyer", "seller", "owner"); {
	case len(roles) == 1 && r.or():
		c.claims["realm_access.roles"] = roles
		access["roles"] = roles[0]
	case !r.one(4):
		c.claims["realm_access.roles"] = roles
		list := []any{nil, []any{"owner"}, map[string]any{"buyer": "seller"}} // which are no roles
		for _, role := range roles {
			list = append(list, role)
		}
		access["roles"] = list
	}
	if r.or() {
		verified := r.or()
		c.claims[`realm_access."is.verified"`] = []string{fmt.Sprint(verified)}
		access["is.verified"] = verified
	}
	if !r.one(4) {
		level := 1 + r.IntN(2)
		c.claims[`"https://acme.example/app".level`] = []string{fmt.Sprint(level)}
		options = append(options, jwttest.Claim("https://acme.example/app", map[string]any{"level": level}))
	}
	return append(options, jwttest.Claim("realm_access", access))
}

// dateOf writes when the token was issued, if at all.
func (r dice) dateOf(c *facts) jwttest.TokenOption {
	if c.undated = r.one(6); c.undated {
		return jwttest.Without("iat")
	}
	c.age = pick(r, []time.Duration{-20 * time.Second, 0, 59 * time.Second, time.Minute, 61 * time.Second, time.Hour, 90 * time.Minute})
	return jwttest.IssuedAt(noon().Add(-c.age))
}
