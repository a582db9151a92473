package token_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// profile are claims of a team's own.
type profile struct {
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
}

// essay is a claim that takes most of its token.
type essay struct {
	Padding string `json:"padding"`
}

// TestTokensTakeTheMemoryThatTheyWeigh compares what tokens are said to take, which is
// what bounds the cache, with what they do take.
func TestTokensTakeTheMemoryThatTheyWeigh(t *testing.T) { //nolint:paralleltest // it looks at the memory of the whole process
	for name, test := range map[string]struct { //nolint:paralleltest // the same
		padding int
		scopes  int
		options []token.VerifierOption
		claims  any // one more
		asked   bool
	}{
		"tokens of usual size":        {},
		"large ones":                  {padding: 2000},
		"with claims of a team's own": {options: []token.VerifierOption{token.WithClaims[profile]()}},
		"with large ones of them":     {padding: 2000, options: []token.VerifierOption{token.WithClaims[essay]()}},
		"with a hundred scopes":       {scopes: 100},
		"whose claims are asked for":  {asked: true},
		"large ones, asked":           {padding: 2000, asked: true},
		"with a list, asked":          {claims: make([]int, 500), asked: true},
		"with an object, asked":       {claims: manyMembers(), asked: true},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := newIssuer(t, jwttest.WithAlgorithms(keyset.HS256))
			verifier := trusting(t, issuer, append(test.options, token.CacheSize(1<<30))...)
			use := func(raw string) *token.Token {
				verified, err := verifier.Verify(t.Context(), strings.Clone(raw)) // as a header is another string each time
				if err != nil {
					t.Fatal(err)
				}
				if test.asked {
					verified.HasClaim([]string{"roles"}, "x")
				}
				return verified
			}
			use(issuer.Token()) // and what comes with the first
			raws := make([]string, 2000)
			for i := range raws {
				raws[i] = usualToken(issuer, i, test.padding, test.scopes, test.claims)
			}
			before := heap()
			for _, raw := range raws {
				use(raw)
			}
			takes := (heap() - before) / float64(len(raws))
			weighs := float64(token.WeighToken(use(raws[0])))
			t.Logf("%d bytes of text: weighs %.0f, takes %.0f", len(raws[0]), weighs, takes)
			if takes > 1.15*weighs || takes < 0.6*weighs {
				t.Error("that is not the same, about")
			}
			if all := float64(verifier.CacheWeight()); all < weighs*2000 || all > weighs*2100 {
				t.Errorf("2000 of them count as %.0f", all)
			}
			runtime.KeepAlive(raws)
		})
	}
}

// usualToken returns a token with the claims that most have.
func usualToken(issuer *jwttest.Issuer, i, padding, scopes int, more any) string {
	granted := []string{"orders.read", "orders.write"}
	for j := range scopes {
		granted = append(granted, fmt.Sprintf("orders.%03d.read", j))
	}
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
	return issuer.Token(
		jwttest.Subject(id), jwttest.ID(id), jwttest.Claim("sid", id), jwttest.Scopes(granted...),
		jwttest.Claim("client_id", "web"), jwttest.Claim("name", "Alice"), jwttest.Claim("roles", []string{"buyer", "admin"}),
		jwttest.Claim("padding", strings.Repeat("x", padding)), jwttest.Claim("more", more),
	)
}

// manyMembers is an object with many small members.
func manyMembers() map[string]int {
	object := make(map[string]int)
	for i := range 200 {
		object[fmt.Sprint("m", i)] = i
	}
	return object
}

// heap returns how many bytes are in use.
func heap() float64 {
	runtime.GC()
	runtime.GC() // pools are emptied by the second
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}
