package revocation_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// A user logs out. From then on no token of the session is accepted.
func Example() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	defer issuer.Close()
	list, err := revocation.NewList(revocation.Config{MaxLifetime: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = list.Close() }()
	verifier, err := token.NewVerifier([]token.Issuer{
		{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()},
	}, token.MaxLifetime(time.Hour), token.WithRevocations(list))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	raw := issuer.Token(jwttest.Claim("sid", "s-1"))
	alice, err := verifier.Verify(ctx, raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := list.Revoke(ctx, revocation.Session(alice.Issuer(), alice.Session())); err != nil {
		fmt.Println(err)
		return
	}
	_, err = verifier.Verify(ctx, raw)
	fmt.Println(token.ReasonOf(err))
	// Output: TOKEN_REVOKED
}
