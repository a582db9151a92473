package jwttest_test

import (
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// FuzzIssuer makes tokens inside of a fuzz target, where much of a testing.F
// must not be used.
func FuzzIssuer(f *testing.F) {
	issuer := jwttest.NewIssuer(f, jwttest.InMemory())
	key := jwttest.NewKey(f, keyset.ES256)
	f.Add(`{"alg":"ES256"}`, `{}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		issuer.Token(jwttest.SignedBy(key))
		gotHeader, gotPayload, signature, err := jwttest.Decode(key.Sign(header, payload))
		if err != nil || gotHeader != header || gotPayload != payload || len(signature) != 64 {
			t.Fatal("what was signed is not what was given")
		}
	})
}
