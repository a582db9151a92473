package token_test

import (
	"sync"
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestHasClaim(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verified, err := trusting(t, issuer).Verify(t.Context(), issuer.Token(
		jwttest.Claim("tenant", "acme"),
		jwttest.Claim("realm_access", map[string]any{
			"roles":  []any{"buyer", "line\nbreak", 7, true, nil, []any{"inner"}, map[string]any{"name": "x"}},
			"nested": map[string]any{"deep": "yes"},
		}),
		jwttest.Claim("email_verified", true),
		jwttest.Claim("level", 3),
		jwttest.Claim("gone", nil),
		jwttest.Claim("none", []any{}),
		jwttest.Claim("empty", ""),
		jwttest.Claim("a.b", "dotted"),
		jwttest.Claim("a", map[string]any{"b": "nested"}),
	))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path   []string
		values []string
		want   bool
	}{
		"equal":                      {[]string{"tenant"}, []string{"acme"}, true},
		"one of several":             {[]string{"tenant"}, []string{"x", "acme"}, true},
		"another":                    {[]string{"tenant"}, []string{"x"}, false},
		"another letter case":        {[]string{"tenant"}, []string{"Acme"}, false},
		"a part of it":               {[]string{"tenant"}, []string{"acm"}, false},
		"no values":                  {[]string{"tenant"}, nil, false},
		"no path":                    {nil, []string{"acme"}, false},
		"name in another case":       {[]string{"Tenant"}, []string{"acme"}, false},
		"missing":                    {[]string{"nobody"}, []string{""}, false},
		"below a string":             {[]string{"tenant", "acme"}, []string{"acme"}, false},
		"in a list":                  {[]string{"realm_access", "roles"}, []string{"buyer"}, true},
		"escaped in a list":          {[]string{"realm_access", "roles"}, []string{"line\nbreak"}, true},
		"number in a list":           {[]string{"realm_access", "roles"}, []string{"7"}, true},
		"true in a list":             {[]string{"realm_access", "roles"}, []string{"true"}, true},
		"null in a list":             {[]string{"realm_access", "roles"}, []string{"null", ""}, false},
		"in a list inside a list":    {[]string{"realm_access", "roles"}, []string{"inner"}, false},
		"in an object inside a list": {[]string{"realm_access", "roles", "name"}, []string{"x"}, false},
		"three names deep":           {[]string{"realm_access", "nested", "deep"}, []string{"yes"}, true},
		"an object":                  {[]string{"realm_access"}, []string{"", "roles"}, false},
		"true":                       {[]string{"email_verified"}, []string{"true"}, true},
		"number":                     {[]string{"level"}, []string{"3"}, true},
		"number written otherwise":   {[]string{"level"}, []string{"3.0"}, false},
		"null":                       {[]string{"gone"}, []string{"null", ""}, false},
		"empty list":                 {[]string{"none"}, []string{""}, false},
		"empty string":               {[]string{"empty"}, []string{""}, true},
		"a name with a dot":          {[]string{"a.b"}, []string{"dotted"}, true},
		"the same as two names":      {[]string{"a", "b"}, []string{"nested"}, true},
		"never one for the other":    {[]string{"a.b"}, []string{"nested"}, false},
		"a registered claim":         {[]string{"sub"}, []string{jwttest.DefaultSubject}, true},
	} {
		if got := verified.HasClaim(test.path, test.values...); got != test.want {
			t.Errorf("%s: HasClaim(%q, %q) = %v", name, test.path, test.values, got)
		}
	}
	var nobody *token.Token
	if nobody.HasClaim([]string{"sub"}, jwttest.DefaultSubject) || new(token.Token).HasClaim([]string{"sub"}, "") {
		t.Error("a nil or zero token has claims")
	}
}

func TestHasClaimIsSharedByGoroutines(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verified, err := trusting(t, issuer).Verify(t.Context(), issuer.Token(jwttest.Claim("tenant", "acme")))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if !verified.HasClaim([]string{"tenant"}, "acme") {
				t.Error("the claim is not there")
			}
		})
	}
	all.Wait()
}
