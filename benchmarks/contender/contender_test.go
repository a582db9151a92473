package contender_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
	"github.com/jwtrelay/jwtrelay/benchmarks/issuer"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// goodTokens are those that every contender has to accept, by what is special.
func goodTokens() map[string][]jwttest.TokenOption {
	soon, ago := time.Now().Add(issuer.Leeway/2).Unix(), 20*time.Second
	return map[string][]jwttest.TokenOption{
		"as minted":                      nil,
		"expired within the leeway":      {jwttest.Expired(ago)},
		"valid soon, within the leeway":  {jwttest.Claim("nbf", soon)},
		"issued soon, within the leeway": {jwttest.Claim("iat", soon)},
		"for several, us among them":     {jwttest.Audience("billing", issuer.Audience)},
	}
}

// badTokens are those that every contender has to refuse.
func badTokens() map[string][]jwttest.TokenOption {
	late := time.Now().Add(10 * time.Minute).Unix()
	return map[string][]jwttest.TokenOption{
		"signed by a forger": {jwttest.Forged()},
		"expired":            {jwttest.Expired(time.Minute)},
		"not yet valid":      {jwttest.Claim("nbf", late)},
		"issued tomorrow":    {jwttest.Claim("iat", late)},
		"for others":         {jwttest.Audience("billing")},
		"of another issuer":  {jwttest.IssuedBy("https://evil.example.com")},
		"an unknown kid":     {jwttest.Header("kid", "unknown")},
		"without expiry":     {jwttest.Without("exp")},
		"without audience":   {jwttest.Without("aud")},
		"without issuer":     {jwttest.Without("iss")},
		"without subject":    {jwttest.Without("sub")},
		"an empty subject":   {jwttest.Subject("")},
		"another algorithm":  {jwttest.Header("alg", "RS384")},
		"alg none":           {jwttest.Header("alg", "none")},
	}
}

// forEach runs a test for each contender and algorithm.
func forEach(t *testing.T, check func(t *testing.T, c contender.Contender, mint *issuer.Issuer, alg keyset.Algorithm)) {
	t.Helper()
	mint := issuer.New(t)
	for _, entry := range contender.All() {
		c, err := entry.New(mint.Trust())
		if err != nil {
			t.Fatalf("%s: %v", entry.Name, err)
		}
		for _, alg := range issuer.Algorithms() {
			t.Run(entry.Name+"/"+string(alg), func(t *testing.T) {
				t.Parallel()
				check(t, c, mint, alg)
			})
		}
	}
}

func TestAllAcceptWhatIsGood(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, c contender.Contender, mint *issuer.Issuer, alg keyset.Algorithm) {
		for name, options := range goodTokens() {
			caller, err := c.Verify(context.Background(), mint.Token(alg, append(options, jwttest.Subject("bob"))...))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if caller.Subject != "bob" || !slices.Equal(caller.Scopes, []string{"openid", issuer.Scope, "orders.write"}) {
				t.Errorf("%s: says %q with %q", name, caller.Subject, caller.Scopes)
			}
		}
	})
}

func TestAllRefuseWhatIsBad(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, c contender.Contender, mint *issuer.Issuer, alg keyset.Algorithm) {
		for name, options := range badTokens() {
			if caller, err := c.Verify(context.Background(), mint.Token(alg, options...)); err == nil {
				t.Errorf("%s: let %q in", name, caller.Subject)
			}
		}
		if _, err := c.Verify(context.Background(), jwttest.Tamper(mint.Token(alg))); err == nil {
			t.Error("a spoiled signature: let in")
		}
	})
}

// A key that verifies one algorithm must not be had to verify another: the public
// half of an RSA key is no secret.
func TestAllKeepAlgorithmsApart(t *testing.T) {
	t.Parallel()
	mint := issuer.New(t)
	public := mint.Key(keyset.RS256)
	forged := jwttest.NewSecret(t, keyset.HS256, public.PEM()).WithID(public.ID())
	for _, entry := range contender.All() {
		c, err := entry.New(mint.Trust())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Verify(context.Background(), mint.Token(keyset.HS256, jwttest.SignedBy(forged))); err == nil {
			t.Errorf("%s: let in", entry.Name)
		}
	}
}

func TestTokensAreAsLongAndFullAsPromised(t *testing.T) {
	t.Parallel()
	mint := issuer.New(t)
	for _, alg := range issuer.Algorithms() {
		raw := mint.Token(alg)
		if len(raw) < 595 || len(raw) > 900 {
			t.Errorf("%s: %d bytes", alg, len(raw))
		}
		_, payload, _, err := jwttest.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		claims := make(map[string]json.RawMessage)
		if err := json.NewDecoder(strings.NewReader(payload)).Decode(&claims); err != nil || len(claims) != 11 {
			t.Errorf("%s: %d claims, %v", alg, len(claims), err)
		}
	}
}
