package token_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// revocations says the same of every token.
type revocations struct {
	revoked bool
	err     error
	forgets bool
}

func (r revocations) Revoked(*token.Token) (bool, error)         { return r.revoked, r.err }
func (revocations) OnRevoked(*token.Token, func()) (stop func()) { return nil }

func (r revocations) Covers(lifetime, leeway time.Duration) error {
	if r.forgets {
		return fmt.Errorf("too early for %v %v", lifetime, leeway)
	}
	return nil
}

// awayError is an error that says when to try again.
type awayError time.Duration

func (awayError) Error() string               { return "away" }
func (a awayError) RetryAfter() time.Duration { return time.Duration(a) }

func TestRevocations(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		says   revocations
		reason token.Reason
		retry  time.Duration
	}{
		"not revoked":                 {revocations{}, "", 0},
		"revoked":                     {revocations{revoked: true}, token.ReasonRevoked, 0},
		"revoked, as far as is known": {revocations{revoked: true, err: awayError(time.Minute)}, token.ReasonRevoked, 0},
		"not known":                   {revocations{err: errors.New("away")}, token.ReasonRevocationsUnavailable, 0},
		"not known for a minute":      {revocations{err: fmt.Errorf("away: %w", awayError(time.Minute))}, token.ReasonRevocationsUnavailable, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := newIssuer(t)
			verifier := trusting(t, issuer, token.WithRevocations(test.says), token.MaxLifetime(time.Hour))
			_, err := verifier.Verify(t.Context(), issuer.Token(jwttest.ExpiresIn(time.Minute)))
			var refused *token.Error
			if errors.As(err, &refused); token.ReasonOf(err) != test.reason {
				t.Fatalf("got %v, want %q", err, test.reason)
			}
			if refused != nil && refused.RetryAfter() != test.retry {
				t.Errorf("retry after %v, want %v", refused.RetryAfter(), test.retry)
			}
			_, err = verifier.Verify(t.Context(), issuer.Token(jwttest.Expired(time.Minute)))
			if token.ReasonOf(err) != token.ReasonExpired { // they are asked last
				t.Errorf("got %v for an expired token", err)
			}
		})
	}
}

// A signature can be changed by who has the token, if it is of ECDSA: what is
// revoked must not depend on it.
func TestTheHashIsThatOfHeaderAndPayload(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verified, err := trusting(t, issuer).Verify(t.Context(), issuer.Token())
	if err != nil {
		t.Fatal(err)
	}
	raw := verified.Raw()
	want := sha256.Sum256([]byte(raw[:strings.LastIndexByte(raw, '.')]))
	for range 2 {
		if verified.SigningInputHash() != want {
			t.Error("another hash")
		}
	}
	if new(token.Token).SigningInputHash() != sha256.Sum256(nil) {
		t.Error("a zero token has another hash than nothing")
	}
}

func TestTheSessionIsThatOfTheClaim(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	for name, test := range map[string]struct {
		sid     any
		session string
		reason  token.Reason
	}{
		"a session": {"s-1", "s-1", ""},
		"a number":  {7, "", token.ReasonClaimsInvalid},
		"null":      {nil, "", token.ReasonClaimsInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verified, err := trusting(t, issuer).Verify(t.Context(), issuer.Token(jwttest.Claim("sid", test.sid)))
			if token.ReasonOf(err) != test.reason || verified.Session() != test.session {
				t.Errorf("got %q, %v", verified.Session(), err)
			}
		})
	}
}
