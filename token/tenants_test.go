package token_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

const (
	template = "https://login.test/{tenantid}/v2.0"
	tenantA  = "https://login.test/tenant-a/v2.0"
	tenantB  = "https://login.test/tenant-b/v2.0"
)

// trustTenants is what trusts tenants of the template by the keys of issuer.
func trustTenants(issuer *jwttest.Issuer, tenants ...string) token.Issuer {
	return token.Issuer{URL: template, Tenants: tenants, Audiences: issuer.Audience(), Keys: issuer.Keys()}
}

func TestTenants(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verifier := newVerifier(t, []token.Issuer{trustTenants(issuer, "tenant-a", "tenant-b")})
	if got, want := verifier.Issuers(), []string{tenantA, tenantB}; !slices.Equal(got, want) {
		t.Errorf("Issuers: got %q, want %q", got, want)
	}
	for name, test := range map[string]struct {
		issuer string
		want   token.Reason
	}{
		"one":                     {tenantA, ""},
		"the other":               {tenantB, ""},
		"of another tenant":       {"https://login.test/tenant-c/v2.0", token.ReasonIssuerMismatch},
		"of the template":         {template, token.ReasonIssuerMismatch},
		"of no tenant":            {"https://login.test//v2.0", token.ReasonIssuerMismatch},
		"in another letter case":  {"https://login.test/Tenant-A/v2.0", token.ReasonIssuerMismatch},
		"with a slash at the end": {tenantA + "/", token.ReasonIssuerMismatch},
		"that begins like one":    {"https://login.test/tenant-a", token.ReasonIssuerMismatch},
		"with a tenant escaped":   {"https://login.test/tenant%2Da/v2.0", token.ReasonIssuerMismatch},
		"with a path for tenant":  {"https://login.test/tenant-a/tenant-b/v2.0", token.ReasonIssuerMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantReason(t, verifier, issuer.Token(jwttest.IssuedBy(test.issuer)), test.want)
		})
	}
}

func TestTheIssuerOfATokenIsItsTenant(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verifier := newVerifier(t, []token.Issuer{trustTenants(issuer, "tenant-a", "tenant-b")})
	for _, url := range []string{tenantA, tenantB} {
		got, err := verifier.Verify(t.Context(), issuer.Token(jwttest.IssuedBy(url)))
		if err != nil {
			t.Fatal(err)
		}
		if want := (token.Principal{Issuer: url, Subject: jwttest.DefaultSubject}); got.Principal() != want {
			t.Errorf("principal is %v, want %v", got.Principal(), want)
		}
	}
}

func TestOneTenant(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verifier := newVerifier(t, []token.Issuer{trustTenants(issuer, "tenant-a")})
	wantReason(t, verifier, issuer.Token(jwttest.IssuedBy(tenantA)), "")
	wantReason(t, verifier, issuer.Token(jwttest.IssuedBy(tenantB)), token.ReasonIssuerMismatch)
	wantReason(t, verifier, issuer.Token(jwttest.IssuedBy(template)), token.ReasonIssuerMismatch)
}

func TestAThousandTenants(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	var tenants []string
	for i := range 1000 {
		tenants = append(tenants, fmt.Sprintf("tenant-%d", i))
	}
	verifier := newVerifier(t, []token.Issuer{trustTenants(issuer, tenants...), trust(issuer)})
	tenants[999] = "tenant-x" // the verifier has its own copy
	if n := len(verifier.Issuers()); n != 1001 {
		t.Errorf("%d issuers, want 1001", n)
	}
	wantReason(t, verifier, issuer.Token(jwttest.IssuedBy("https://login.test/tenant-999/v2.0")), "")
	wantReason(t, verifier, issuer.Token(jwttest.IssuedBy("https://login.test/tenant-x/v2.0")), token.ReasonIssuerMismatch)
	wantReason(t, verifier, issuer.Token(), "")
}

// discovered are keys that say whose they are.
type discovered struct {
	keyset.Set
	issuer string
}

func (d discovered) Issuer() string { return d.issuer }

func TestMistakesWithTenants(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	for name, test := range map[string]struct {
		url     string
		tenants []string
		keysOf  string
		says    string // "" if it is no mistake
	}{
		"a template":                          {template, []string{"a", "b"}, "", ""},
		"every character that may be":         {template, []string{"AZaz09-._~"}, "", ""},
		"placeholder in the host":             {"https://{tenant}.login.test", []string{"a"}, "", ""},
		"keys of the template":                {template, []string{"a"}, template, ""},
		"keys of the issuer":                  {tenantA, nil, tenantA, ""},
		"template without tenants":            {template, nil, "", "Tenants"},
		"template with an empty list of them": {template, []string{}, "", "Tenants"},
		"half a placeholder":                  {"https://login.test/{tenantid/v2.0", nil, "", "Tenants"},
		"the other half":                      {"https://login.test/tenantid}/v2.0", nil, "", "Tenants"},
		"no placeholder":                      {tenantA, []string{"a"}, "", "placeholder"},
		"two placeholders":                    {"https://login.test/{a}/{b}", []string{"a"}, "", "placeholder"},
		"placeholder without a name":          {"https://login.test/{}/v2.0", []string{"a"}, "", "placeholder"},
		"placeholder in a placeholder":        {"https://login.test/{{a}}/v2.0", []string{"a"}, "", "placeholder"},
		"braces the wrong way round":          {"https://login.test/}a{/v2.0", []string{"a"}, "", "placeholder"},
		"placeholder with a tenant":           {template, []string{"{tenantid}"}, "", "Tenants"},
		"empty tenant":                        {template, []string{"a", ""}, "", "Tenants"},
		"tenant twice":                        {template, []string{"a", "b", "a"}, "", "Tenants"},
		"tenant with a slash":                 {template, []string{"a/b"}, "", "Tenants"},
		"tenant with an escape":               {template, []string{"a%2Fb"}, "", "Tenants"},
		"tenant with a space":                 {template, []string{"a b"}, "", "Tenants"},
		"tenant that is not ASCII":            {template, []string{"à"}, "", "Tenants"},
		"keys of another":                     {tenantA, nil, tenantB, tenantB},
		"keys of an issuer with a slash":      {tenantA, nil, tenantA + "/", "URL"},
		"keys of one tenant":                  {template, []string{"tenant-a"}, tenantA, "URL"},
		"keys of another template":            {template, []string{"a"}, "https://login.test/{tenant}/v2.0", "URL"},
		"keys of a template for one issuer":   {tenantA, nil, template, "URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := token.NewVerifier([]token.Issuer{{
				URL: test.url, Tenants: test.tenants, Audiences: issuer.Audience(),
				Keys: discovered{issuer.Keys(), test.keysOf},
			}})
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want an error that says %q", err, test.says)
			}
		})
	}
}

func TestATenantThatIsAnIssuerTooIsGivenTwice(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	alone := trust(issuer)
	alone.URL = tenantB
	for _, issuers := range [][]token.Issuer{
		{trustTenants(issuer, "tenant-a", "tenant-b"), alone},
		{alone, trustTenants(issuer, "tenant-a", "tenant-b")},
		{trustTenants(issuer, "tenant-b"), trustTenants(issuer, "tenant-b")},
	} {
		_, err := token.NewVerifier(issuers)
		if err == nil || !strings.Contains(err.Error(), "twice") || !strings.Contains(err.Error(), tenantB) {
			t.Errorf("got %v, want an error that says twice, and what", err)
		}
	}
}

// TestKeysThatNameTheirIssuer has the keys that Microsoft Entra publishes: each
// says whose tokens it is for.
func TestKeysThatNameTheirIssuer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		names any    // what the key says
		of    string // whose token it signs
		want  token.Reason
	}{
		"none":                                {nil, tenantA, ""},
		"empty":                               {"", tenantA, ""},
		"the token's issuer":                  {tenantA, tenantA, ""},
		"the template":                        {template, tenantA, ""},
		"the template, other tenant":          {template, tenantB, ""},
		"a placeholder of another name":       {"https://login.test/{tid}/v2.0", tenantA, ""},
		"a template in the host":              {"https://{host}/tenant-a/v2.0", tenantA, ""},
		"another tenant":                      {tenantB, tenantA, token.ReasonKeyUnknown},
		"a tenant that is not trusted":        {"https://login.test/tenant-c/v2.0", tenantA, token.ReasonKeyUnknown},
		"another letter case":                 {"https://login.test/Tenant-A/v2.0", tenantA, token.ReasonKeyUnknown},
		"a slash more":                        {tenantA + "/", tenantA, token.ReasonKeyUnknown},
		"a prefix":                            {"https://login.test/tenant-a", tenantA, token.ReasonKeyUnknown},
		"another version's template":          {"https://login.test/{tenantid}/", tenantA, token.ReasonKeyUnknown},
		"another host's template":             {"https://sts.test/{tenantid}/v2.0", tenantA, token.ReasonKeyUnknown},
		"a placeholder for more than one":     {"https://login.test/{all}", tenantA, token.ReasonKeyUnknown},
		"a placeholder for everything":        {"{all}", tenantA, token.ReasonKeyUnknown},
		"a placeholder for a part of two":     {"https://login.test/tenant-a/{a}/v2.0", tenantA, token.ReasonKeyUnknown},
		"a prefix and suffix that overlap":    {"https://login.test/tenant-a/v{a}/v2.0", tenantA, token.ReasonKeyUnknown},
		"a placeholder for nothing":           {"https://login.test/tenant-a{a}/v2.0", tenantA, token.ReasonKeyUnknown},
		"another end":                         {"https://login.test/tenant-a/{v}.1", tenantA, token.ReasonKeyUnknown},
		"two placeholders":                    {"https://{host}/{tenantid}/v2.0", tenantA, token.ReasonKeyUnknown},
		"a placeholder without a name":        {"https://login.test/{}/v2.0", tenantA, token.ReasonKeyUnknown},
		"any text":                            {"x", tenantA, token.ReasonKeyUnknown},
		"no text, and is no key then":         {7, tenantA, token.ReasonKeyUnknown},
		"the token's issuer among its others": {[]string{tenantA}, tenantA, token.ReasonKeyUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := newIssuer(t)
			keys := parsed(t, jwkOf(t, issuer.Key(keyset.ES256), object{"issuer": test.names}), jwkOf(t, jwttest.NewKey(t, keyset.ES256), nil))
			tenants := trustTenants(issuer, "tenant-a", "tenant-b")
			tenants.Keys = keys
			wantReason(t, newVerifier(t, []token.Issuer{tenants}), issuer.Token(jwttest.IssuedBy(test.of)), test.want)

			alone := trust(issuer) // the same, if the tenant is configured by its own URL
			alone.URL, alone.Keys = test.of, keys
			wantReason(t, newVerifier(t, []token.Issuer{alone}), issuer.Token(jwttest.IssuedBy(test.of)), test.want)
		})
	}
}

func TestAKeyOfAnotherIssuerIsRefusedBeforeItsSignature(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	trusted := trust(issuer)
	trusted.Keys = parsed(t, jwkOf(t, issuer.Key(keyset.ES256), object{"issuer": tenantB}))
	verifier := newVerifier(t, []token.Issuer{trusted})
	wantReason(t, verifier, jwttest.Tamper(issuer.Token()), token.ReasonKeyUnknown)
	wantReason(t, verifier, issuer.Token(jwttest.WithoutHeader("kid")), token.ReasonKeyUnknown)
}

// object is a JSON object, to be changed by tests.
type object map[string]any

// with returns o with members changed; a nil value takes one away.
func (o object) with(members object) object {
	changed := object{}
	for name, value := range o {
		changed[name] = value
	}
	for name, value := range members {
		changed[name] = value
		if value == nil {
			delete(changed, name)
		}
	}
	return changed
}

func (o object) text(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// jwkOf returns the JWK of key with members changed.
func jwkOf(t *testing.T, key *jwttest.Key, members object) object {
	t.Helper()
	var described object
	if err := json.Unmarshal(key.JWK(), &described); err != nil {
		t.Fatal(err)
	}
	return described.with(members)
}

// parsed returns the set of the given JWKs.
func parsed(t *testing.T, jwks ...object) keyset.Set {
	t.Helper()
	set, err := keyset.Parse([]byte(object{"keys": jwks}.text(t)), keyset.ParseConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}
