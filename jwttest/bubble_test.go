package jwttest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/jwtrelay/jwtrelay/jwttest"
)

func TestTokensFollowTheClockOfABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := jwttest.NewIssuer(t, jwttest.InMemory())
		raw := issuer.Token(jwttest.ExpiresIn(time.Hour))
		time.Sleep(time.Hour - time.Second)
		if _, err := verify(issuer, raw); err != nil {
			t.Errorf("before its end: %v", err)
		}
		time.Sleep(time.Second)
		if _, err := verify(issuer, raw); !errors.Is(err, jwt.ErrTokenExpired) {
			t.Errorf("at its end: %v", err)
		}
	})
}

// A goroutine that accepts connections would keep this bubble from ending.
func TestAFixedNameNeedsNoServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := jwttest.NewIssuer(t, jwttest.WithURL("https://id.example.com"))
		if _, err := verify(issuer, issuer.Token()); err != nil {
			t.Error(err)
		}
		if got := issuer.Keys().Keys(); len(got) != 1 {
			t.Errorf("keys are %v", got)
		}
		if d := discover(t, issuer.Client(), "https://id.example.com/.well-known/openid-configuration"); d.JWKS != "https://id.example.com/jwks.json" {
			t.Errorf("document is %+v", d)
		}
		time.Sleep(time.Hour) // returns only if everything else is durably blocked
	})
}
