package token_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// FuzzVerify throws any text at a verifier. None but the issuer's own token
// must pass, and no refusal may be without a reason or show the token.
func FuzzVerify(f *testing.F) {
	issuer := jwttest.NewIssuer(f, jwttest.InMemory(), jwttest.WithAlgorithms(keyset.ES256, keyset.HS256))
	verifier, err := token.NewVerifier([]token.Issuer{trust(issuer)})
	if err != nil {
		f.Fatal(err)
	}
	good := issuer.Token()
	f.Add(good)
	f.Add(jwttest.Tamper(good))
	f.Add(issuer.Token(jwttest.SignedWith(keyset.HS256), jwttest.Expired(time.Hour)))
	f.Add(jwttest.Encode(`{"alg":"none"}`, `{"sub":"admin"}`, nil))
	f.Add(jwttest.Encode(`{"alg":"ES256","crit":["b64"],"b64":false}`, `null`, []byte{0}))
	f.Add(strings.Repeat(".", 5))
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := verifier.Verify(t.Context(), raw)
		if (got == nil) != (err != nil) {
			t.Fatal("Verify gave a token and an error, or neither")
		}
		if err == nil {
			if got.Issuer() != issuer.URL() || got.Raw() != raw {
				t.Fatal("a token was accepted that the issuer did not sign")
			}
			return
		}
		if token.ReasonOf(err) == "" {
			t.Fatal("a refusal without a reason")
		}
		if len(raw) > 40 && strings.Contains(err.Error()+errors.Unwrap(err).Error(), raw) {
			t.Fatal("the error shows the token")
		}
	})
}

// FuzzClaims signs any payload. Whatever passes must be what encoding/json,
// which is not strict, reads in it too: no reader sees another subject.
func FuzzClaims(f *testing.F) {
	issuer := jwttest.NewIssuer(f, jwttest.InMemory(), jwttest.WithAlgorithms(keyset.HS256))
	key := issuer.Key(keyset.HS256)
	verifier, err := token.NewVerifier([]token.Issuer{{URL: "i", Audiences: []string{"a"}, Keys: issuer.Keys()}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`{"iss":"i","aud":"a","sub":"s","exp":9999999999}`)
	f.Add(`{"iss":"i","aud":["b","a"],"sub":"s","exp":9.9e9,"iat":1.5,"scope":"x y","cnf":null}`)
	f.Add(`{"iss":"i","aud":"a","sub":"s","sub":"t","exp":9999999999}`)
	f.Add(`{"iss":"i","aud":"a","sub":"\ud800","exp":-0}`)
	f.Fuzz(func(t *testing.T, payload string) {
		got, err := verifier.Verify(t.Context(), key.Sign(`{"alg":"HS256"}`, payload))
		if err != nil {
			return
		}
		var lenient map[string]any
		if err := json.Unmarshal([]byte(payload), &lenient); err != nil {
			t.Fatalf("accepted what is not JSON: %v", err)
		}
		if lenient["sub"] != got.Subject() || lenient["iss"] != "i" || got.Subject() == "" {
			t.Fatalf("subject %q reads as %q elsewhere", got.Subject(), lenient["sub"])
		}
		if exp, ok := lenient["exp"].(float64); !ok || exp < 0 || exp >= 253402300800 {
			t.Fatalf("accepted exp %v", lenient["exp"])
		}
	})
}
