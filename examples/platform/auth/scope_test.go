package auth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// loginFor is a login of alice that asks for scopes.
func loginFor(scope string) string {
	return fmt.Sprintf(`{"username": "alice", "password": %q, "scope": %q}`, password, scope)
}

// scopesOf returns the scopes in the token of a grant, once it is verified.
func scopesOf(t *testing.T, web *httptest.Server, grant auth.Grant) []string {
	t.Helper()
	keys, err := keyset.Parse([]byte(do(t, web, http.MethodGet, auth.JWKSPath, "").body), keyset.ParseConfig{})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := token.NewVerifier([]token.Issuer{{URL: issuer, Audiences: []string{"platform"}, Keys: keys}})
	if err != nil {
		t.Fatal(err)
	}
	verified, err := verifier.Verify(t.Context(), grant.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	return verified.Scopes()
}

func TestATokenHasTheScopesThatWereAskedFor(t *testing.T) {
	t.Parallel()
	web, _, _ := serve(t)
	for name, test := range map[string]struct {
		body string
		want string
	}{
		"nothing in particular": {login("alice", password), "orders.read orders.write"},
		"an empty scope":        {loginFor(""), "orders.read orders.write"},
		"one of two":            {loginFor("orders.read"), "orders.read"},
		"both":                  {loginFor("orders.write orders.read"), "orders.write orders.read"},
		"one twice":             {loginFor("orders.read orders.read"), "orders.read"},
	} {
		response := do(t, web, http.MethodPost, auth.LoginPath, test.body)
		if response.status != http.StatusOK {
			t.Errorf("%s: status %d", name, response.status)
			continue
		}
		var grant auth.Grant
		if err := json.Unmarshal([]byte(response.body), &grant); err != nil {
			t.Fatal(err)
		}
		if grant.Scope != test.want {
			t.Errorf("%s: granted %q, want %q", name, grant.Scope, test.want)
		}
		if got := scopesOf(t, web, grant); !slices.Equal(got, strings.Split(test.want, " ")) {
			t.Errorf("%s: the token has %q, want %q", name, got, test.want)
		}
	}
}

func TestNobodyGetsAScopeThatIsNotTheirs(t *testing.T) {
	t.Parallel()
	web, _, log := serve(t)
	for name, scope := range map[string]string{
		"one that others have":  "orders.admin",
		"one more than one has": "orders.read orders.admin",
		"in other letters":      "Orders.Read",
		"a part of one":         "orders",
		"a pattern":             "orders.*",
		"a space":               " ",
		"two spaces":            "orders.read  orders.write",
		"a comma":               "orders.read,orders.write",
	} {
		response := do(t, web, http.MethodPost, auth.LoginPath, loginFor(scope))
		if response.status != http.StatusBadRequest || response.body != "scope: not all of it is yours\n" {
			t.Errorf("%s: %d %q", name, response.status, response.body)
		}
	}
	// Who doesn't know the password learns nothing of what the user has.
	wrong := strings.Replace(loginFor("orders.admin"), password, "hunter2", 1)
	if got := do(t, web, http.MethodPost, auth.LoginPath, wrong).status; got != http.StatusUnauthorized {
		t.Errorf("wrong password: %d, want 401", got)
	}
	if strings.Contains(log.String(), password) {
		t.Error("the log has the password")
	}
}
