package token_test

import (
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

type ownClaims struct {
	Tenant string   `json:"tenant"`
	Roles  []string `json:"roles"`
}

func (c *ownClaims) Validate() error {
	if c.Tenant == "forbidden" {
		return errTenant
	}
	return nil
}

func TestContext(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verified, err := trusting(t, issuer).Verify(t.Context(), issuer.Token())
	if err != nil {
		t.Fatal(err)
	}
	with := token.NewContext(t.Context(), verified)
	if got, ok := token.FromContext(with); got != verified || !ok {
		t.Error("the token is not found")
	}
	if got, ok := token.FromContext(t.Context()); got != nil || ok {
		t.Error("a token is found where none was put")
	}
	if _, decided := token.Decided(t.Context()); decided {
		t.Error("a bare context counts as decided")
	}
	without := token.NewContext(with, nil)
	if got, ok := token.FromContext(without); got != nil || ok {
		t.Error("the outer token shows through")
	}
	if got, decided := token.Decided(without); got != nil || !decided {
		t.Error("a call that was let in without a token is not told from one that nobody decided on")
	}
	if _, ok := token.ClaimsFrom[ownClaims](with); ok {
		t.Error("claims are found that were never asked for")
	}
}

func TestOwnClaims(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verifier := trusting(t, issuer, token.WithClaims[ownClaims]())
	verified, err := verifier.Verify(t.Context(), issuer.Token(
		jwttest.Claim("tenant", "acme"), jwttest.Claim("roles", []string{"a"}), jwttest.Claim("TENANT", "evil")))
	if err != nil {
		t.Fatal(err)
	}
	ctx := token.NewContext(t.Context(), verified)
	if got, ok := token.ClaimsFrom[ownClaims](ctx); !ok || got.Tenant != "acme" || len(got.Roles) != 1 {
		t.Errorf("got %v, %v", got, ok)
	}
	if _, ok := token.ClaimsFrom[struct{ Tenant string }](ctx); ok {
		t.Error("claims are found under another type")
	}
	wantReason(t, verifier, issuer.Token(jwttest.Claim("tenant", 7)), token.ReasonClaimsInvalid)
	wantReason(t, verifier, issuer.Token(jwttest.Claim("tenant", "forbidden")), token.ReasonClaimsInvalid)
	wantReason(t, verifier, issuer.Token(), "")
}
