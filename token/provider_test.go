package token_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// provider is an identity provider as its documentation shows it: what it
// publishes, what it sends, and the configuration that the package comment
// gives for it. Keys are the test's and all values are made up.
type provider struct {
	name     string
	document string   // where the discovery document is
	metadata object   // what it says
	keys     []object // what is at its jwks_uri
	bearer   string   // without which a request gets nothing

	config  keyset.RemoteConfig
	trust   token.Issuer // all but Keys
	options []token.VerifierOption
	tokens  []sent
}

// sent is a token that a provider sends, or one that it might be taken for.
type sent struct {
	what   string
	header object
	claims object
	want   token.Reason // "" if it must verify
	says   says         // then
}

// says is what a token's accessors must return.
type says struct {
	subject  string
	audience []string
	scopes   []string
	claims   [][]string // each a path and, last, a value
}

func providers() []provider {
	return []provider{
		keycloak(), entra(), entraV1(), entraTenants(), auth0(), okta(), cognito(), google(), kubernetes(), zitadel(), dex(),
	}
}

func TestProviders(t *testing.T) {
	t.Parallel()
	for _, p := range providers() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				verifier := p.verifier(t)
				for _, s := range p.tokens {
					p.check(t, verifier, s)
				}
			})
		})
	}
}

// verifier is configured as a service is.
func (p *provider) verifier(t *testing.T) *token.Verifier {
	t.Helper()
	config := p.config
	config.Client = &http.Client{Transport: credential{p.bearer, site{p}}}
	config.Logger = slog.New(slog.DiscardHandler)
	keys, err := keyset.Discover(p.trust.URL, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	if err := keys.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys.Issuer() != p.trust.URL {
		t.Errorf("discovered %q, want %q", keys.Issuer(), p.trust.URL)
	}
	trust := p.trust
	trust.Keys = keys
	return newVerifier(t, []token.Issuer{trust}, p.options...)
}

// check verifies s and, if that is a good token, what an attacker makes of it.
func (p *provider) check(t *testing.T, verifier *token.Verifier, s sent) {
	t.Helper()
	ours, forger := providerKey(), forgersKey()
	wantSent(t, verifier, s.what, s.signed(t, ours), s.want)
	if s.want != "" {
		return
	}
	wantSaid(t, verifier, s, ours)
	for what, forged := range map[string]sent{
		"signed by another":            s,
		"signed by another, its claim": {header: s.header, claims: s.claims.with(object{"sub": "admin"})},
	} {
		wantSent(t, verifier, s.what+", "+what, forged.signed(t, forger), token.ReasonSignatureInvalid)
	}
	for what, changed := range map[string]struct {
		sent
		want token.Reason
	}{
		"of a key that isn't published": {sent{header: s.header.with(object{"kid": "nobody's"}), claims: s.claims}, token.ReasonKeyUnknown},
		"of another issuer":             {sent{header: s.header, claims: s.claims.with(object{"iss": "https://other.example"})}, token.ReasonIssuerMismatch},
		"for another service":           {sent{header: s.header, claims: s.claims.with(p.elsewhere())}, token.ReasonAudienceMismatch},
		"that has expired":              {sent{header: s.header, claims: s.claims.with(object{"exp": midnight - 3600})}, token.ReasonExpired},
	} {
		wantSent(t, verifier, s.what+", "+what, changed.signed(t, ours), changed.want)
	}
}

// elsewhere has the claims of a token that is meant for somebody else.
func (p *provider) elsewhere() object {
	if p.trust.AnyAudience != "" {
		return object{"client_id": "payroll"}
	}
	return object{"aud": "payroll"}
}

func (s sent) signed(t *testing.T, key *jwttest.Key) string {
	t.Helper()
	return key.Sign(s.header.text(t), s.claims.text(t))
}

func wantSent(t *testing.T, verifier *token.Verifier, what, raw string, want token.Reason) {
	t.Helper()
	if _, err := verifier.Verify(t.Context(), raw); token.ReasonOf(err) != want {
		t.Errorf("%s: reason is %q, want %q; cause: %v", what, token.ReasonOf(err), want, errors.Unwrap(err))
	}
}

func wantSaid(t *testing.T, verifier *token.Verifier, s sent, key *jwttest.Key) {
	t.Helper()
	got, err := verifier.Verify(t.Context(), s.signed(t, key))
	if err != nil {
		return // reported already
	}
	if got.Subject() != s.says.subject || got.Issuer() != s.claims["iss"] {
		t.Errorf("%s: principal is %v", s.what, got.Principal())
	}
	if !slices.Equal(got.Audience(), s.says.audience) {
		t.Errorf("%s: audience is %q, want %q", s.what, got.Audience(), s.says.audience)
	}
	if !slices.Equal(got.Scopes(), s.says.scopes) {
		t.Errorf("%s: scopes are %q, want %q", s.what, got.Scopes(), s.says.scopes)
	}
	for _, claim := range s.says.claims {
		if path, value := claim[:len(claim)-1], claim[len(claim)-1]; !got.HasClaim(path, value) {
			t.Errorf("%s: claim %q is not %q", s.what, path, value)
		}
	}
}

// midnight is when a synctest bubble begins, and all tokens are issued.
const midnight = 946684800

// The key that every provider signs with, under ids that look like theirs, and
// the key that none publishes. RSA is slow to generate, so all share one.
var (
	providerKey = sync.OnceValue(func() *jwttest.Key { return jwttest.NewKey(jwttest.NoTest{}, keyset.RS256) })
	forgersKey  = sync.OnceValue(func() *jwttest.Key { return jwttest.NewKey(jwttest.NoTest{}, keyset.RS256) })
)

// published returns the JWK that a provider publishes under an id: with kty,
// use, alg, n and e, and other members as given; nil takes one away.
func published(id string, members object) object {
	var jwk object
	if err := json.Unmarshal(providerKey().WithID(id).JWK(), &jwk); err != nil {
		panic(err)
	}
	return jwk.with(members)
}

// spkiHash is the id that Kubernetes gives a key.
func spkiHash(key *jwttest.Key) string {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// site serves the two documents of a provider, and nothing else.
type site struct{ *provider }

func (s site) RoundTrip(request *http.Request) (*http.Response, error) {
	content, status := any(nil), http.StatusOK
	switch url := request.URL.String(); {
	case s.bearer != "" && request.Header.Get("Authorization") != "Bearer "+s.bearer:
		status = http.StatusUnauthorized
	case url == s.document:
		content = s.metadata
	case url == s.metadata["jwks_uri"]:
		content = object{"keys": s.keys}
	default:
		status = http.StatusNotFound
	}
	text, err := json.Marshal(content)
	return &http.Response{
		StatusCode: status, Request: request, Header: http.Header{"Content-Type": {"application/json"}},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
		Body: io.NopCloser(strings.NewReader(string(text))),
	}, err
}

// credential adds a bearer token to requests, as a service gives one to the API
// server of its cluster.
type credential struct {
	bearer string
	next   http.RoundTripper
}

func (c credential) RoundTrip(request *http.Request) (*http.Response, error) {
	if c.bearer != "" {
		request = request.Clone(request.Context())
		request.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	return c.next.RoundTrip(request)
}
