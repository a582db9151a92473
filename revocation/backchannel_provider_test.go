package revocation_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestLogoutTokensOfProviders has logout tokens as providers document them, or as
// their sources write them, by hand: no option of ours shaped them.
func TestLogoutTokensOfProviders(t *testing.T) {
	t.Parallel()
	const event = `"events":{"` + logoutEvent + `":{}}`
	for _, test := range []struct {
		name     string
		issuer   string
		untyped  bool
		every    bool
		typ      string // the header's member with a comma, or ""
		claims   string // with %d for iat and exp
		lives    int64
		sessions int
		users    int
		want     int
	}{
		{
			name: "Keycloak", issuer: "https://kc.test/realms/shop", typ: `"typ":"logout+jwt",`, lives: 120,
			claims: `{"exp":%[2]d,"iat":%[1]d,"jti":"8c5d","iss":"https://kc.test/realms/shop","aud":"web-app",` +
				`"sub":"f6b1","typ":"Logout","sid":"77a1",` + event + `}`,
			sessions: 1, want: 200,
		},
		{
			name: "Keycloak, offline sessions too", issuer: "https://kc.test/realms/shop", typ: `"typ":"logout+jwt",`, lives: 120,
			claims: `{"exp":%[2]d,"iat":%[1]d,"jti":"8c5d","iss":"https://kc.test/realms/shop","aud":"web-app",` +
				`"sub":"f6b1","typ":"Logout","sid":"77a1","events":{"` + logoutEvent + `":{},"revoke_offline_access":true}}`,
			sessions: 1, want: 200,
		},
		{
			name: "Keycloak, session not required", issuer: "https://kc.test/realms/shop", typ: `"typ":"logout+jwt",`, lives: 120,
			claims: `{"exp":%[2]d,"iat":%[1]d,"jti":"8c5d","iss":"https://kc.test/realms/shop","aud":"web-app",` +
				`"sub":"f6b1","typ":"Logout",` + event + `}`,
			users: 1, want: 200,
		},
		{
			name: "older Keycloak", issuer: "https://kc.test/realms/shop", typ: `"typ":"JWT",`, untyped: true, lives: 120,
			claims: `{"exp":%[2]d,"iat":%[1]d,"jti":"8c5d","iss":"https://kc.test/realms/shop","aud":"web-app",` +
				`"sub":"f6b1","typ":"Logout","sid":"77a1",` + event + `}`,
			sessions: 1, want: 200,
		},
		{
			name: "still older Keycloak, without exp", issuer: "https://kc.test/realms/shop", typ: `"typ":"JWT",`, untyped: true, lives: 0,
			claims: `{"iat":%[1]d,"jti":"8c5d","iss":"https://kc.test/realms/shop","aud":"web-app",` +
				`"sub":"f6b1","typ":"Logout","sid":"77a1",` + event + `}`,
			want: 400,
		},
		{
			name: "Auth0", issuer: "https://shop.eu.auth0.test/", typ: `"typ":"JWT",`, untyped: true, every: true, lives: 120,
			claims: `{"iss":"https://shop.eu.auth0.test/","sub":"auth0|602e","aud":"web-app","iat":%[1]d,"exp":%[2]d,` +
				`"jti":"44a9",` + event + `,"trace_id":"81b3","sid":"375U"}`,
			sessions: 1, users: 1, want: 200,
		},
		{
			name: "Auth0, not configured", issuer: "https://shop.eu.auth0.test/", typ: `"typ":"JWT",`, lives: 120,
			claims: `{"iss":"https://shop.eu.auth0.test/","sub":"auth0|602e","aud":"web-app","iat":%[1]d,"exp":%[2]d,` +
				`"jti":"44a9",` + event + `,"trace_id":"81b3","sid":"375U"}`,
			want: 400,
		},
		{
			name: "the specification's example", issuer: "https://server.example.com", typ: `"typ":"logout+jwt",`, lives: 120,
			claims: `{"iss":"https://server.example.com","sub":"2482","aud":"web-app","iat":%[1]d,"exp":%[2]d,` +
				`"jti":"bWJq","sid":"08a5",` + event + `}`,
			sessions: 1, want: 200,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := newLogouts(t, func(c *revocation.LogoutConfig) {
				c.AllowUntyped, c.EverySession = test.untyped, test.every
			}, jwttest.WithURL(test.issuer), jwttest.WithAlgorithms(keyset.RS256))
			key, now := l.issuer.Key(keyset.RS256), time.Now().Unix()
			claims := test.claims
			if test.lives > 0 {
				claims = fmt.Sprintf(claims, now, now+test.lives)
			} else {
				claims = fmt.Sprintf(claims, now)
			}
			got := l.post(t, key.Sign(`{"alg":"RS256",`+test.typ+`"kid":"`+key.ID()+`"}`, claims))
			if got.status != test.want {
				t.Fatalf("status %d, %q", got.status, got.description)
			}
			published := 0
			for _, entries := range l.writer.published() {
				published += len(entries)
			}
			if published != test.sessions+test.users {
				t.Errorf("published %v", l.writer.published())
			}
		})
	}
}

// TestALogoutEndsASession goes all the way: a provider posts, over HTTP, and a
// service refuses the session's token and ends its open stream, and no other.
func TestALogoutEndsASession(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		everySession bool
		opts         []jwttest.TokenOption
		other        token.Reason // what the user's other session is told
	}{
		"by sid":                    {false, nil, ""},
		"by sid, and every session": {true, nil, token.ReasonRevoked},
		"by sub":                    {false, []jwttest.TokenOption{jwttest.Without("sid")}, token.ReasonRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := jwttest.NewIssuer(t, jwttest.InMemory())
			list := newLogoutList(t)
			verifier := accessVerifier(t, list, issuer)
			server := httptest.NewServer(logoutHandler(t, list, revocation.LogoutConfig{
				Issuers: []token.Issuer{trustLogouts(issuer)}, EverySession: test.everySession,
			}))
			defer server.Close()

			earlier := jwttest.IssuedAt(time.Now().Add(-time.Minute))
			mine := issuer.Token(jwttest.Subject(secretUser), jwttest.Claim("sid", secretSession), earlier)
			other := issuer.Token(jwttest.Subject(secretUser), jwttest.Claim("sid", "other"), earlier)
			stranger := issuer.Token(jwttest.Subject("bob"), jwttest.Claim("sid", "bob's"), earlier)
			ended := watch(t, verifier, mine)
			otherEnded := watch(t, verifier, other)
			strangerEnded := watch(t, verifier, stranger)

			raw := logoutToken(issuer, test.opts...)
			got, err := server.Client().PostForm(server.URL, url.Values{"logout_token": {raw}}) //nolint:noctx // as a form is posted
			if err != nil {
				t.Fatal(err)
			}
			_ = got.Body.Close()
			if got.StatusCode != http.StatusOK {
				t.Fatalf("status %d", got.StatusCode)
			}
			wantAccess(t, verifier, mine, token.ReasonRevoked)
			wantAccess(t, verifier, other, test.other)
			wantAccess(t, verifier, stranger, "")
			if ended.Load() != 1 || (otherEnded.Load() == 1) != (test.other != "") || strangerEnded.Load() != 0 {
				t.Errorf("ended are %d, %d, %d", ended.Load(), otherEnded.Load(), strangerEnded.Load())
			}
			// The logout token itself opens nothing.
			if _, err := verifier.Verify(t.Context(), raw); err == nil {
				t.Error("a logout token is taken for an access token")
			}
		})
	}
}

// watch counts how often the holder of a token is told that it ended.
func watch(t *testing.T, verifier *token.Verifier, raw string) *atomic.Int32 {
	t.Helper()
	verified, err := verifier.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	ended := new(atomic.Int32)
	t.Cleanup(verifier.OnRevoked(verified, func() { ended.Add(1) }))
	return ended
}
