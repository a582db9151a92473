package revocation_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

const lifetime = time.Hour

// world is an issuer, and a verifier that accepts its tokens whatever was revoked.
type world struct {
	t        *testing.T
	issuer   *jwttest.Issuer
	verifier *token.Verifier
}

func newWorld(t *testing.T, options ...jwttest.Option) world {
	t.Helper()
	issuer := jwttest.NewIssuer(t, append(options, jwttest.InMemory())...)
	verifier, err := token.NewVerifier([]token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()}})
	if err != nil {
		t.Fatal(err)
	}
	return world{t, issuer, verifier}
}

// token returns a token, verified. Its lifetime is that of the lists.
func (w world) token(options ...jwttest.TokenOption) *token.Token {
	w.t.Helper()
	options = append([]jwttest.TokenOption{jwttest.ExpiresIn(lifetime)}, options...)
	verified, err := w.verifier.Verify(w.t.Context(), w.issuer.Token(options...))
	if err != nil {
		w.t.Fatal(err)
	}
	return verified
}

// newList returns a list, for tokens that live for an hour unless config says else.
func newList(t *testing.T, config revocation.Config) *revocation.List {
	t.Helper()
	if config.MaxLifetime == 0 {
		config.MaxLifetime = lifetime
	}
	list, err := revocation.NewList(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	return list
}

// wantRevoked checks what a list says of a token.
func wantRevoked(t *testing.T, list *revocation.List, verified *token.Token, want bool) {
	t.Helper()
	if got, err := list.Revoked(verified); got != want || err != nil {
		t.Errorf("revoked: %v, %v, want %v", got, err, want)
	}
}

// revoke revokes in a writer.
func revoke(t *testing.T, w revocation.Writer, entries ...revocation.Entry) {
	t.Helper()
	if err := w.Revoke(t.Context(), entries...); err != nil {
		t.Fatal(err)
	}
}

// bell counts how often it was rung.
type bell struct{ rung atomic.Int32 }

func (b *bell) ring() { b.rung.Add(1) }

func (b *bell) want(t *testing.T, times int32) {
	t.Helper()
	if rung := b.rung.Load(); rung != times {
		t.Errorf("told %d times, want %d", rung, times)
	}
}

// sid and jti are tokens' claims.
func sid(id string) jwttest.TokenOption { return jwttest.Claim("sid", id) }
