package token_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

var errTenant = errors.New("tenant is forbidden")

// TestOptions has what each option changes: one token that is judged otherwise
// with it, and one that is not.
func TestOptions(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	long := opts(jwttest.ExpiresIn(2 * time.Hour))
	now := time.Now().Unix()
	lasting := func(seconds int64) []jwttest.TokenOption {
		return opts(jwttest.Claim("iat", now), jwttest.Claim("exp", now+seconds))
	}
	for name, test := range map[string]struct {
		option token.VerifierOption
		with   []jwttest.TokenOption
		before token.Reason
		after  token.Reason
	}{
		"Leeway":             {token.Leeway(10 * time.Minute), opts(jwttest.Expired(5 * time.Minute)), token.ReasonExpired, ""},
		"Leeway(0)":          {token.Leeway(0), opts(jwttest.Expired(time.Second)), "", token.ReasonExpired},
		"MaxLifetime":        {token.MaxLifetime(time.Hour), long, "", token.ReasonClaimsInvalid},
		"MaxLifetime no iat": {token.MaxLifetime(time.Hour), opts(jwttest.Without("iat")), "", token.ReasonClaimsInvalid},
		"MaxLifetime exact":  {token.MaxLifetime(time.Hour), lasting(3600), "", ""},
		"MaxLifetime over":   {token.MaxLifetime(time.Hour), lasting(3601), "", token.ReasonClaimsInvalid},
		"MaxLifetime fits":   {token.MaxLifetime(3 * time.Hour), long, "", ""},
		"MaxSize":            {token.MaxSize(100), nil, "", token.ReasonTooLarge},
		"Types":              {token.Types("Application/AT+jwt"), opts(jwttest.Header("typ", "at+JWT")), "", ""},
		"Types excludes":     {token.Types("at+jwt"), opts(jwttest.Header("typ", "JWT")), "", token.ReasonUnsupported},
		"Types wants one":    {token.Types("at+jwt"), opts(jwttest.WithoutHeader("typ")), "", token.ReasonUnsupported},
		"Types adds":         {token.Types("secevent+jwt"), opts(jwttest.Header("typ", "secevent+jwt")), token.ReasonUnsupported, ""},
		"AllowNoSubject":     {token.AllowNoSubject(), opts(jwttest.Without("sub")), token.ReasonClaimsInvalid, ""},
		"AllowNoSubject typed": {
			token.AllowNoSubject(), opts(jwttest.Claim("sub", 7)), token.ReasonClaimsInvalid, token.ReasonClaimsInvalid,
		},
		"AnyTokenKind":          {token.AnyTokenKind(), opts(jwttest.Claim("at_hash", "x")), token.ReasonClaimsInvalid, ""},
		"AnyTokenKind not cnf":  {token.AnyTokenKind(), opts(jwttest.Claim("cnf", "x")), token.ReasonUnsupported, token.ReasonUnsupported},
		"AllowBoundAsBearer":    {token.AllowBoundAsBearer(), opts(jwttest.Claim("cnf", "x")), token.ReasonUnsupported, ""},
		"AllowBound not others": {token.AllowBoundAsBearer(), opts(jwttest.Claim("events", 1)), token.ReasonClaimsInvalid, token.ReasonClaimsInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := issuer.Token(test.with...)
			wantReason(t, trusting(t, issuer), raw, test.before)
			wantReason(t, trusting(t, issuer, test.option), raw, test.after)
		})
	}
}

// TestMistakes has configurations that can't be meant, and what the error must
// name.
func TestMistakes(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	good := trust(issuer)
	with := func(change func(i *token.Issuer)) []token.Issuer {
		changed := good
		change(&changed)
		return []token.Issuer{changed}
	}
	for name, test := range map[string]struct {
		issuers []token.Issuer
		options []token.VerifierOption
		says    string
	}{
		"no issuers":       {issuers: nil, says: "no issuers"},
		"no URL":           {issuers: with(func(i *token.Issuer) { i.URL = "" }), says: "URL"},
		"no keys":          {issuers: with(func(i *token.Issuer) { i.Keys = nil }), says: "Keys"},
		"no audience":      {issuers: with(func(i *token.Issuer) { i.Audiences = nil }), says: "AnyAudience"},
		"empty audience":   {issuers: with(func(i *token.Issuer) { i.Audiences = []string{""} }), says: "audience"},
		"both audiences":   {issuers: with(func(i *token.Issuer) { i.AnyAudience = "why" }), says: "both"},
		"empty client":     {issuers: with(func(i *token.Issuer) { i.Clients = []string{"web", ""} }), says: "Clients"},
		"alg none":         {issuers: with(func(i *token.Issuer) { i.Algorithms = []keyset.Algorithm{"none"} }), says: `"none"`},
		"issuer twice":     {issuers: []token.Issuer{good, good}, says: "twice"},
		"negative leeway":  {options: []token.VerifierOption{token.Leeway(-1)}, says: "Leeway"},
		"endless leeway":   {options: []token.VerifierOption{token.Leeway(math.MaxInt64)}, says: "Leeway"},
		"endless size":     {options: []token.VerifierOption{token.MaxSize(math.MaxInt)}, says: "MaxSize"},
		"no lifetime":      {options: []token.VerifierOption{token.MaxLifetime(0)}, says: "MaxLifetime"},
		"no size":          {options: []token.VerifierOption{token.MaxSize(0)}, says: "MaxSize"},
		"no types":         {options: []token.VerifierOption{token.Types()}, says: "Types"},
		"claims twice":     {options: []token.VerifierOption{token.WithClaims[int](), token.WithClaims[int]()}, says: "WithClaims"},
		"nil revocations":  {options: []token.VerifierOption{token.WithRevocations(nil)}, says: "WithRevocations"},
		"no bound on time": {options: []token.VerifierOption{token.WithRevocations(revocations{})}, says: "MaxLifetime"},
		"forgetful":        {options: []token.VerifierOption{token.WithRevocations(revocations{forgets: true}), token.MaxLifetime(1)}, says: "1ns 30s"},
		"nil observer":     {options: []token.VerifierOption{token.WithObserver(nil)}, says: "WithObserver"},
		"nil clock":        {options: []token.VerifierOption{token.WithClock(nil)}, says: "WithClock"},
		"nil option given": {options: []token.VerifierOption{nil}, says: "nil option"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.issuers == nil && test.options != nil {
				test.issuers = []token.Issuer{good}
			}
			verifier, err := token.NewVerifier(test.issuers, test.options...)
			if verifier != nil || err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want an error that says %q", err, test.says)
			}
		})
	}
}

func TestAlgorithmsOfAnIssuer(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t, jwttest.WithAlgorithms(keyset.ES256, keyset.EdDSA))
	narrow := trust(issuer)
	narrow.Algorithms = []keyset.Algorithm{keyset.EdDSA}
	verifier := newVerifier(t, []token.Issuer{narrow})
	narrow.Algorithms[0] = keyset.ES256 // the verifier has its own copy
	wantReason(t, verifier, issuer.Token(jwttest.SignedWith(keyset.EdDSA)), "")
	wantReason(t, verifier, issuer.Token(jwttest.SignedWith(keyset.ES256)), token.ReasonUnsupported)
}

func TestAudiencesOfAnIssuer(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	named := trust(issuer)
	named.Audiences = []string{"orders"}
	verifier := newVerifier(t, []token.Issuer{named})
	named.Audiences[0] = "payroll" // the verifier has its own copy
	wantReason(t, verifier, issuer.Token(jwttest.Audience("orders")), "")
	wantReason(t, verifier, issuer.Token(jwttest.Audience("payroll")), token.ReasonAudienceMismatch)
}

func TestAnyAudience(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verifier := newVerifier(t, []token.Issuer{{URL: issuer.URL(), AnyAudience: "its access tokens have none", Keys: issuer.Keys()}})
	wantReason(t, verifier, issuer.Token(jwttest.Without("aud")), "")
	wantReason(t, verifier, issuer.Token(jwttest.Audience("somebody")), "")
	wantReason(t, verifier, issuer.Token(jwttest.Claim("aud", 7)), token.ReasonClaimsInvalid)
}

func TestClientsOfAnIssuer(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	named := trust(issuer)
	named.Clients = []string{"web", "mobile"}
	anybody := trusting(t, issuer)
	verifier := newVerifier(t, []token.Issuer{named})
	named.Clients[0] = "worker" // the verifier has its own copy
	for name, test := range map[string]struct {
		with []jwttest.TokenOption
		want token.Reason
	}{
		"client_id":                   {opts(jwttest.Claim("client_id", "web")), ""},
		"azp":                         {opts(jwttest.Claim("azp", "mobile")), ""},
		"both the same":               {opts(jwttest.Claim("client_id", "web"), jwttest.Claim("azp", "web")), ""},
		"both, and both allowed":      {opts(jwttest.Claim("client_id", "web"), jwttest.Claim("azp", "mobile")), ""},
		"both, and client_id another": {opts(jwttest.Claim("client_id", "worker"), jwttest.Claim("azp", "web")), token.ReasonAudienceMismatch},
		"both, and azp another":       {opts(jwttest.Claim("client_id", "web"), jwttest.Claim("azp", "worker")), token.ReasonAudienceMismatch},
		"none":                        {nil, token.ReasonAudienceMismatch},
		"another":                     {opts(jwttest.Claim("client_id", "worker")), token.ReasonAudienceMismatch},
		"another letter case":         {opts(jwttest.Claim("client_id", "Web")), token.ReasonAudienceMismatch},
		"empty":                       {opts(jwttest.Claim("client_id", "")), token.ReasonAudienceMismatch},
		"null":                        {opts(jwttest.Claim("client_id", nil)), token.ReasonAudienceMismatch},
		"null beside a good one":      {opts(jwttest.Claim("client_id", nil), jwttest.Claim("azp", "web")), token.ReasonAudienceMismatch},
		"list":                        {opts(jwttest.Claim("client_id", []string{"web"})), token.ReasonAudienceMismatch},
		"number":                      {opts(jwttest.Claim("azp", 7)), token.ReasonAudienceMismatch},
		"good, for another audience":  {opts(jwttest.Claim("azp", "web"), jwttest.Audience("x")), token.ReasonAudienceMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantReason(t, verifier, issuer.Token(test.with...), test.want)
			if !strings.Contains(name, "audience") {
				wantReason(t, anybody, issuer.Token(test.with...), "")
			}
		})
	}
}

func TestEmptyListsMeanTheSameAsNone(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verifier := newVerifier(t, []token.Issuer{{
		URL: issuer.URL(), AnyAudience: "test", Audiences: []string{}, Clients: []string{}, Tenants: []string{},
		Keys: issuer.Keys(), Algorithms: []keyset.Algorithm{},
	}})
	wantReason(t, verifier, issuer.Token(jwttest.Audience("somebody")), "")
}

// recorder remembers what it was told.
type recorder struct{ seen []token.Verification }

func (r *recorder) Verified(_ context.Context, v token.Verification) { r.seen = append(r.seen, v) }

func TestObserverSeesEachVerification(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	var seen recorder
	verifier := trusting(t, issuer, token.WithObserver(&seen))
	wantReason(t, verifier, issuer.Token(), "")
	wantReason(t, verifier, "x", token.ReasonMalformed)
	if len(seen.seen) != 2 {
		t.Fatalf("seen %d verifications, want 2", len(seen.seen))
	}
	if good := seen.seen[0]; good.Token == nil || good.Reason != "" || good.Err != nil || good.Duration <= 0 {
		t.Errorf("of the good token: %+v", good)
	}
	if bad := seen.seen[1]; bad.Token != nil || bad.Reason != token.ReasonMalformed || bad.Err == nil {
		t.Errorf("of the bad token: %+v", bad)
	}
}
