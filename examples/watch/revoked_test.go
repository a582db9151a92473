package main

import (
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestWhoeverHoldsOnToATokenIsTold has holders of tokens, before and after they are
// revoked.
func TestWhoeverHoldsOnToATokenIsTold(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	verifier := must(token.NewVerifier([]token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()}}))
	verified := func(id string) *token.Token {
		return must(verifier.Verify(t.Context(), issuer.Token(jwttest.ID(id))))
	}
	list, told := newRevoked(), make(map[string]int)
	hold := func(who, id string) func() {
		return list.OnRevoked(verified(id), func() { told[who]++ })
	}
	hold("before", "1")
	hold("of another", "2")
	hold("gone", "1")()
	list.revoke("1")
	list.revoke("1", "3")
	hold("after", "1")
	for who, want := range map[string]int{"before": 1, "of another": 0, "gone": 0, "after": 1} {
		if told[who] != want {
			t.Errorf("%s: told %d times, want %d", who, told[who], want)
		}
	}
	if !must(list.Revoked(verified("1"))) || must(list.Revoked(verified("2"))) || len(list.watchers) != 1 {
		t.Error("the list is not as it should be")
	}
}
