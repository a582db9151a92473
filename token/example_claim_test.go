package token_test

import (
	"fmt"

	"github.com/jwtrelay/jwtrelay/jwttest"
)

// A handler asks for a role, where the issuer puts it: here as Keycloak does.
func ExampleToken_HasClaim() {
	caller := verified(
		jwttest.Claim("tenant", "acme"),
		jwttest.Claim("realm_access", map[string]any{"roles": []string{"buyer", "support"}}),
	)
	fmt.Println(caller.HasClaim([]string{"tenant"}, "acme"))
	fmt.Println(caller.HasClaim([]string{"realm_access", "roles"}, "support", "finance")) // one is enough
	fmt.Println(caller.HasClaim([]string{"realm_access", "roles"}, "finance"))
	// Output:
	// true
	// true
	// false
}
