package token_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// newIssuer returns an issuer that needs no network.
func newIssuer(t *testing.T, options ...jwttest.Option) *jwttest.Issuer {
	t.Helper()
	return jwttest.NewIssuer(t, append([]jwttest.Option{jwttest.InMemory()}, options...)...)
}

// trusting returns a verifier for the tokens of issuer as it is now.
func trusting(t *testing.T, issuer *jwttest.Issuer, options ...token.VerifierOption) *token.Verifier {
	t.Helper()
	return newVerifier(t, []token.Issuer{trust(issuer)}, options...)
}

func trust(issuer *jwttest.Issuer) token.Issuer {
	return token.Issuer{URL: issuer.URL(), Audiences: []string{"other-name", jwttest.DefaultAudience}, Keys: issuer.Keys()}
}

func newVerifier(t *testing.T, issuers []token.Issuer, options ...token.VerifierOption) *token.Verifier {
	t.Helper()
	verifier, err := token.NewVerifier(issuers, options...)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// wantReason checks that raw is refused for the given reason, or accepted if
// that is "".
func wantReason(t *testing.T, verifier *token.Verifier, raw string, want token.Reason) {
	t.Helper()
	got, err := verifier.Verify(t.Context(), raw)
	if (got == nil) != (err != nil) {
		t.Fatal("Verify gave a token and an error, or neither")
	}
	if reason := token.ReasonOf(err); reason != want {
		t.Errorf("reason is %q, want %q; cause: %v", reason, want, errors.Unwrap(err))
	}
	if err != nil && len(raw) > 20 && strings.Contains(err.Error()+errors.Unwrap(err).Error(), raw[:20]) {
		t.Error("the error shows the token")
	}
}

func TestEveryAlgorithm(t *testing.T) {
	t.Parallel()
	for _, alg := range jwttest.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			issuer := newIssuer(t, jwttest.WithAlgorithms(alg))
			verifier := trusting(t, issuer)
			raw := issuer.Token()
			wantReason(t, verifier, raw, "")
			wantReason(t, verifier, jwttest.Tamper(raw), token.ReasonSignatureInvalid)
			wantReason(t, verifier, issuer.Token(jwttest.Forged()), token.ReasonSignatureInvalid)
			wantReason(t, verifier, raw[:strings.LastIndexByte(raw, '.')+1], token.ReasonSignatureInvalid)
		})
	}
}

// TestVerifying has the rows about what tokens say. What they look like is in
// strict_test.go.
func TestVerifying(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	other := newIssuer(t, jwttest.WithURL("https://other.test"))
	verifier := trusting(t, issuer)
	for name, test := range map[string]struct {
		with []jwttest.TokenOption
		want token.Reason
	}{
		"a good token":                  {nil, ""},
		"no typ":                        {opts(jwttest.WithoutHeader("typ")), ""},
		"typ at+jwt":                    {opts(jwttest.Header("typ", "at+jwt")), ""},
		"typ application/AT+JWT":        {opts(jwttest.Header("typ", "application/AT+JWT")), ""},
		"typ of another kind":           {opts(jwttest.Header("typ", "logout+jwt")), token.ReasonUnsupported},
		"typ empty":                     {opts(jwttest.Header("typ", "")), token.ReasonUnsupported},
		"no kid, and one key that fits": {opts(jwttest.WithoutHeader("kid")), ""},
		"kid that nobody knows":         {opts(jwttest.Header("kid", "nobody")), token.ReasonKeyUnknown},
		"key of another issuer":         {opts(jwttest.SignedBy(other.Key(keyset.ES256))), token.ReasonKeyUnknown},
		"key of another issuer under our id": {
			opts(jwttest.SignedBy(other.Key(keyset.ES256).WithID(issuer.Key(keyset.ES256).ID()))), token.ReasonSignatureInvalid,
		},
		"issuer of another name":     {opts(jwttest.IssuedBy("https://other.test")), token.ReasonIssuerMismatch},
		"issuer with a slash":        {opts(jwttest.IssuedBy(issuer.URL() + "/")), token.ReasonIssuerMismatch},
		"no issuer":                  {opts(jwttest.Without("iss")), token.ReasonIssuerMismatch},
		"one of several audiences":   {opts(jwttest.Audience("x", jwttest.DefaultAudience)), ""},
		"audience of another name":   {opts(jwttest.Audience("x")), token.ReasonAudienceMismatch},
		"audience in another case":   {opts(jwttest.Audience("TEST-AUDIENCE")), token.ReasonAudienceMismatch},
		"audience that begins alike": {opts(jwttest.Audience(jwttest.DefaultAudience + "-2")), token.ReasonAudienceMismatch},
		"no audience":                {opts(jwttest.Without("aud")), token.ReasonAudienceMismatch},
		"no one in the audience":     {opts(jwttest.Claim("aud", []string{})), token.ReasonAudienceMismatch},
		"audience a number":          {opts(jwttest.Claim("aud", 1)), token.ReasonClaimsInvalid},
		"audience of numbers":        {opts(jwttest.Claim("aud", []int{1})), token.ReasonClaimsInvalid},
		"audience null":              {opts(jwttest.Claim("aud", nil)), token.ReasonClaimsInvalid},
		"no subject":                 {opts(jwttest.Without("sub")), token.ReasonClaimsInvalid},
		"subject empty":              {opts(jwttest.Subject("")), token.ReasonClaimsInvalid},
		"subject a number":           {opts(jwttest.Claim("sub", 7)), token.ReasonClaimsInvalid},
		"subject null":               {opts(jwttest.Claim("sub", nil)), token.ReasonClaimsInvalid},
		"no expiry":                  {opts(jwttest.Without("exp")), token.ReasonClaimsInvalid},
		"expired":                    {opts(jwttest.Expired(time.Hour)), token.ReasonExpired},
		"expired within the leeway":  {opts(jwttest.Expired(10 * time.Second)), ""},
		"not yet valid":              {opts(jwttest.NotYetValid(time.Hour)), token.ReasonNotYetValid},
		"valid within the leeway":    {opts(jwttest.NotYetValid(10 * time.Second)), ""},
		"issued in the future":       {opts(jwttest.IssuedAt(time.Now().Add(time.Hour))), token.ReasonNotYetValid},
		"jti a number":               {opts(jwttest.Claim("jti", 7)), token.ReasonClaimsInvalid},
		"scope a number":             {opts(jwttest.Claim("scope", 7)), token.ReasonClaimsInvalid},
		"scp of numbers":             {opts(jwttest.Claim("scp", []int{7})), token.ReasonClaimsInvalid},
		"marked as an ID token":      {opts(jwttest.Claim("at_hash", "x")), token.ReasonClaimsInvalid},
		"marked as one with c_hash":  {opts(jwttest.Claim("c_hash", "x")), token.ReasonClaimsInvalid},
		"marked as a logout token":   {opts(jwttest.Claim("events", map[string]any{})), token.ReasonClaimsInvalid},
		"events null":                {opts(jwttest.Claim("events", nil)), token.ReasonClaimsInvalid},
		"typ claim ID":               {opts(jwttest.Claim("typ", "ID")), token.ReasonClaimsInvalid},
		"typ claim refresh":          {opts(jwttest.Claim("typ", "refresh")), token.ReasonClaimsInvalid},
		"typ claim Offline":          {opts(jwttest.Claim("typ", "Offline")), token.ReasonClaimsInvalid},
		"typ claim Logout":           {opts(jwttest.Claim("typ", "Logout")), token.ReasonClaimsInvalid},
		"typ claim Bearer":           {opts(jwttest.Claim("typ", "Bearer")), ""},
		"typ claim a number":         {opts(jwttest.Claim("typ", 7)), ""},
		"token_use id":               {opts(jwttest.Claim("token_use", "id")), token.ReasonClaimsInvalid},
		"token_use access":           {opts(jwttest.Claim("token_use", "access")), ""},
		"bound to a key":             {opts(jwttest.Claim("cnf", map[string]any{"jkt": "x"})), token.ReasonUnsupported},
		"bound to null":              {opts(jwttest.Claim("cnf", nil)), token.ReasonUnsupported},
		"claims that nobody knows":   {opts(jwttest.Claim("x", map[string]any{"y": []int{1}})), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantReason(t, verifier, issuer.Token(test.with...), test.want)
		})
	}
}

func opts(options ...jwttest.TokenOption) []jwttest.TokenOption { return options }

func TestValidUntilIsExpiryAndLeeway(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	raw := issuer.Token()
	first, err := trusting(t, issuer).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if want := first.Expires().Add(token.DefaultLeeway); !first.ValidUntil().Equal(want) {
		t.Errorf("ValidUntil is %v, want %v", first.ValidUntil(), want)
	}
	for name, test := range map[string]struct {
		now  time.Time
		want token.Reason
	}{
		"just before":     {first.ValidUntil().Add(-time.Nanosecond), ""},
		"at that moment":  {first.ValidUntil(), token.ReasonExpired},
		"before it began": {first.IssuedAt().Add(-token.DefaultLeeway), ""},
		"even earlier":    {first.IssuedAt().Add(-token.DefaultLeeway - time.Nanosecond), token.ReasonNotYetValid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := token.WithClock(func() time.Time { return test.now })
			wantReason(t, trusting(t, issuer, clock), raw, test.want)
		})
	}
}

func TestSeveralIssuersKeepTheirKeys(t *testing.T) {
	t.Parallel()
	a := newIssuer(t, jwttest.WithURL("https://a.test"))
	b := newIssuer(t, jwttest.WithURL("https://b.test"))
	verifier := newVerifier(t, []token.Issuer{trust(a), trust(b)})
	keyOfB := b.Key(keyset.ES256)

	wantReason(t, verifier, a.Token(), "")
	wantReason(t, verifier, b.Token(), "")
	wantReason(t, verifier, a.Token(jwttest.SignedBy(keyOfB)), token.ReasonKeyUnknown)
	wantReason(t, verifier, a.Token(jwttest.SignedBy(keyOfB.WithID(a.Key(keyset.ES256).ID()))), token.ReasonSignatureInvalid)
	wantReason(t, verifier, a.Token(jwttest.SignedBy(keyOfB), jwttest.WithoutHeader("kid")), token.ReasonSignatureInvalid)
	wantReason(t, verifier, a.Token(jwttest.IssuedBy("https://c.test")), token.ReasonIssuerMismatch)
	wantReason(t, verifier, a.Token(jwttest.Without("iss")), token.ReasonIssuerMismatch)
	wantReason(t, verifier, a.Token(jwttest.Claim("iss", 7)), token.ReasonClaimsInvalid)
}

// answer is a key set that always says the same.
type answer struct {
	key *keyset.Key
	err error
}

func (a answer) Key(context.Context, string, keyset.Algorithm) (*keyset.Key, error) {
	return a.key, a.err
}

func TestWhatTheKeySetSays(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	es384, err := jwttest.NewKey(t, keyset.ES384).Verifier()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		set  answer
		want token.Reason
	}{
		"unknown key":            {answer{err: keyset.ErrUnknownKey}, token.ReasonKeyUnknown},
		"wrong algorithm":        {answer{err: keyset.ErrWrongAlgorithm}, token.ReasonUnsupported},
		"unavailable":            {answer{err: keyset.ErrUnavailable}, token.ReasonKeysUnavailable},
		"any other error":        {answer{err: context.Canceled}, token.ReasonKeysUnavailable},
		"nothing":                {answer{}, token.ReasonKeysUnavailable},
		"a key it was not asked": {answer{key: es384}, token.ReasonKeysUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verifier := newVerifier(t, []token.Issuer{{URL: issuer.URL(), AnyAudience: "test", Keys: test.set}})
			wantReason(t, verifier, issuer.Token(), test.want)
		})
	}
}

func TestRetryAfterComesFromTheKeySet(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	set := answer{err: &keyset.UnavailableError{After: 3 * time.Second}}
	verifier := newVerifier(t, []token.Issuer{{URL: issuer.URL(), AnyAudience: "test", Keys: set}})
	_, err := verifier.Verify(t.Context(), issuer.Token())
	var refused *token.Error
	if !errors.As(err, &refused) || refused.RetryAfter() != 3*time.Second {
		t.Errorf("got %v", err)
	}
	if !errors.Is(err, keyset.ErrUnavailable) {
		t.Error("the cause can't be found")
	}
}

func TestNothingWaitsForARefusalBeforeTheKey(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	asked := answer{err: errors.New("asked for a key")}
	verifier := newVerifier(t, []token.Issuer{{URL: issuer.URL(), AnyAudience: "test", Keys: asked}})
	wantReason(t, verifier, issuer.Token(jwttest.Header("alg", "none")), token.ReasonUnsupported)
	wantReason(t, verifier, issuer.Token(jwttest.Header("crit", []string{"exp"})), token.ReasonUnsupported)
	wantReason(t, verifier, issuer.Token(jwttest.Header("typ", "x")), token.ReasonUnsupported)
	wantReason(t, verifier, issuer.Token()+"=", token.ReasonMalformed)
}

// slow is a key set that takes its time: as long as a token has left.
type slow struct {
	keyset.Set
	clock *time.Time
}

func (s slow) Key(ctx context.Context, id string, alg keyset.Algorithm) (*keyset.Key, error) {
	*s.clock = s.clock.Add(time.Hour)
	return s.Set.Key(ctx, id, alg)
}

func TestATokenThatEndsWhileItsKeyIsAwaitedHasEnded(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	clock := time.Now()
	keys := slow{issuer.Keys(), &clock}
	verifier := newVerifier(t, []token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: keys}},
		token.WithClock(func() time.Time { return clock }))
	wantReason(t, verifier, issuer.Token(), token.ReasonExpired)
}

func TestATokenBeginsAtTheLeewaysEdge(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	begins := time.Unix(1_800_000_000, 0)
	for name, option := range map[string]jwttest.TokenOption{
		"nbf": jwttest.Claim("nbf", begins.Unix()), "iat": jwttest.Claim("iat", begins.Unix()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := issuer.Token(jwttest.Without("nbf", "iat"), jwttest.Claim("exp", begins.Add(time.Hour).Unix()), option)
			at := func(now time.Time) *token.Verifier {
				return trusting(t, issuer, token.WithClock(func() time.Time { return now }))
			}
			wantReason(t, at(begins.Add(-token.DefaultLeeway-time.Nanosecond)), raw, token.ReasonNotYetValid)
			wantReason(t, at(begins.Add(-token.DefaultLeeway)), raw, "")
		})
	}
}
