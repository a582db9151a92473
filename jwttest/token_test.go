package jwttest_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

func TestATokenVerifiesByDefaultWithEveryAlgorithm(t *testing.T) {
	t.Parallel()
	for _, alg := range jwttest.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			issuer := jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithAlgorithms(alg))
			raw := issuer.Token()

			key, err := issuer.Keys().Key(t.Context(), issuer.Key(alg).ID(), alg)
			if err != nil {
				t.Fatal(err)
			}
			if err := check(t, key, raw); err != nil {
				t.Errorf("signature: %v", err)
			}
			if alg == keyset.Ed25519 {
				return // golang-jwt knows it as EdDSA only
			}
			if _, err := verify(issuer, raw); err != nil {
				t.Errorf("golang-jwt: %v", err)
			}
		})
	}
}

// check asks key whether the signature of raw is its own.
func check(t *testing.T, key *keyset.Key, raw string) error {
	t.Helper()
	_, _, signature, err := jwttest.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key.Verify(raw[:strings.LastIndexByte(raw, '.')], signature)
}

func TestAllAlgorithmsAreThoseOfKeyset(t *testing.T) {
	t.Parallel()
	for _, alg := range jwttest.Algorithms() {
		if !alg.Supported() {
			t.Errorf("keyset does not support %s", alg)
		}
	}
}

func TestWhatATokenSaysByDefault(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 12, 0, 0, 1, time.UTC)
	issuer := jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithClock(func() time.Time { return now }))
	raw := issuer.Token()
	token, err := verify(issuer, raw, jwt.WithTimeFunc(func() time.Time { return now }))
	if err != nil {
		t.Fatal(err)
	}

	claims := claimsOf(t, raw)
	if id, _ := claims["jti"].(string); id == "" || id == claimsOf(t, issuer.Token())["jti"] {
		t.Errorf("jti %q is empty or not unique", id)
	}
	delete(claims, "jti")
	want := jwt.MapClaims{
		"iss": "https://issuer.test", "sub": "alice", "aud": "test-audience",
		"iat": float64(now.Unix()), "exp": float64(now.Unix() + 1 + 15*60),
	}
	if !reflect.DeepEqual(claims, want) {
		t.Errorf("claims are %v, want %v", claims, want)
	}
	header := map[string]any{"alg": "ES256", "typ": "JWT", "kid": issuer.Key(keyset.ES256).ID()}
	if !reflect.DeepEqual(token.Header, header) {
		t.Errorf("header is %v, want %v", token.Header, header)
	}
}

func TestOptionsChangeClaims(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 12, 0, 0, 500, time.UTC)
	unix := float64(now.Unix())
	issuer := jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithClock(func() time.Time { return now }))
	for _, test := range []struct {
		name string
		opts []jwttest.TokenOption
		want jwt.MapClaims // nil values: not there
	}{
		{"a subject", opts(jwttest.Subject("bob")), jwt.MapClaims{"sub": "bob"}},
		{"an empty subject", opts(jwttest.Subject("")), jwt.MapClaims{"sub": ""}},
		{"another issuer's name", opts(jwttest.IssuedBy("https://else.example")), jwt.MapClaims{"iss": "https://else.example"}},
		{"an id", opts(jwttest.ID("7")), jwt.MapClaims{"jti": "7"}},
		{"one audience", opts(jwttest.Audience("a")), jwt.MapClaims{"aud": "a"}},
		{"two audiences", opts(jwttest.Audience("a", "b")), jwt.MapClaims{"aud": []any{"a", "b"}}},
		{"no audience at all", opts(jwttest.Audience()), jwt.MapClaims{"aud": []any{}}},
		{"scopes", opts(jwttest.Scopes("read", "write")), jwt.MapClaims{"scope": "read write"}},
		{"expires soon", opts(jwttest.ExpiresIn(time.Second)), jwt.MapClaims{"exp": unix + 2}},
		{"expired", opts(jwttest.Expired(time.Minute)), jwt.MapClaims{"exp": unix - 60, "iat": unix - 60 - 900}},
		{"not yet valid", opts(jwttest.NotYetValid(time.Minute)), jwt.MapClaims{"nbf": unix + 61, "exp": unix + 61 + 900}},
		{"issued at", opts(jwttest.IssuedAt(now.Add(-time.Hour))), jwt.MapClaims{"iat": unix - 3600}},
		{"any claim", opts(jwttest.Claim("groups", []string{"a"})), jwt.MapClaims{"groups": []any{"a"}}},
		{"a claim that is null", opts(jwttest.Claim("exp", nil), jwttest.Claim("x", json.RawMessage(`{"y":null}`))), jwt.MapClaims{"x": map[string]any{"y": nil}}},
		{"claims removed", opts(jwttest.Without("exp", "jti", "never-was")), jwt.MapClaims{"exp": nil, "jti": nil}},
		{"the last option wins", opts(jwttest.Without("sub"), jwttest.Subject("bob"), jwttest.Subject("eve")), jwt.MapClaims{"sub": "eve"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			claims := claimsOf(t, issuer.Token(test.opts...))
			for name, want := range test.want {
				if got := claims[name]; !reflect.DeepEqual(got, want) {
					t.Errorf("%s is %v, want %v", name, got, want)
				}
			}
		})
	}
}

func opts(opts ...jwttest.TokenOption) []jwttest.TokenOption { return opts }

func TestOptionsSpoilTheToken(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	other := jwttest.NewIssuer(t, jwttest.InMemory())
	for _, test := range []struct {
		name string
		opt  jwttest.TokenOption
		want error
	}{
		{"expired", jwttest.Expired(time.Second), jwt.ErrTokenExpired},
		{"not yet valid", jwttest.NotYetValid(time.Minute), jwt.ErrTokenNotValidYet},
		{"another issuer's name", jwttest.IssuedBy("https://else.example"), jwt.ErrTokenInvalidIssuer},
		{"another audience", jwttest.Audience("else"), jwt.ErrTokenInvalidAudience},
		{"forged", jwttest.Forged(), jwt.ErrTokenSignatureInvalid},
		{"another issuer's key", jwttest.SignedBy(other.Key(keyset.ES256)), jwt.ErrTokenUnverifiable},
		{"nobody's key", jwttest.SignedBy(jwttest.NewKey(t, keyset.ES256)), jwt.ErrTokenUnverifiable},
		{"no expiry", jwttest.Without("exp"), jwt.ErrTokenRequiredClaimMissing},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := verify(issuer, issuer.Token(test.opt)); !errors.Is(err, test.want) {
				t.Errorf("golang-jwt says %v, want %v", err, test.want)
			}
		})
	}
}

func TestOptionsChangeTheHeader(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	kid := issuer.Key(keyset.ES256).ID()
	for _, test := range []struct {
		name string
		opts []jwttest.TokenOption
		want string
	}{
		{"another type", opts(jwttest.Header("typ", "at+jwt")), `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt"}`},
		{"no key id", opts(jwttest.WithoutHeader("kid")), `{"alg":"ES256","typ":"JWT"}`},
		{"bare", opts(jwttest.WithoutHeader("kid", "typ")), `{"alg":"ES256"}`},
		{"crit", opts(jwttest.WithoutHeader("kid"), jwttest.Header("crit", []string{"x"})), `{"alg":"ES256","crit":["x"],"typ":"JWT"}`},
		{"a lie about the algorithm", opts(jwttest.Header("alg", "none"), jwttest.WithoutHeader("kid")), `{"alg":"none","typ":"JWT"}`},
		{"a key without an id", opts(jwttest.SignedBy(issuer.Key(keyset.ES256).WithID(""))), `{"alg":"ES256","typ":"JWT"}`},
		{"another algorithm", opts(jwttest.SignedWith(keyset.HS384)), `{"alg":"HS384","kid":"` + issuer.Key(keyset.HS384).ID() + `","typ":"JWT"}`},
		{"algorithm after key", opts(jwttest.SignedBy(jwttest.NewKey(t, keyset.EdDSA)), jwttest.SignedWith(keyset.ES256)), `{"alg":"ES256","kid":"` + kid + `","typ":"JWT"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			header, _, _, err := jwttest.Decode(issuer.Token(test.opts...))
			if err != nil {
				t.Fatal(err)
			}
			if header != test.want {
				t.Errorf("header is %s, want %s", header, test.want)
			}
		})
	}
}

func TestForgedTokensLookLikeGoodOnes(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	for _, alg := range []keyset.Algorithm{keyset.ES512, keyset.EdDSA, keyset.HS256} {
		good, _, _, err := jwttest.Decode(issuer.Token(jwttest.SignedWith(alg)))
		if err != nil {
			t.Fatal(err)
		}
		raw := issuer.Token(jwttest.Forged(), jwttest.SignedWith(alg))
		if bad, _, _, err := jwttest.Decode(raw); err != nil || bad != good {
			t.Errorf("%s: header is %s, %v, want %s", alg, bad, err, good)
		}
		if _, err := verify(issuer, raw); !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
			t.Errorf("%s: golang-jwt says %v", alg, err)
		}
	}
}
