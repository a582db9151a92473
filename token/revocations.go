package token

import (
	"errors"
	"time"
)

// Revocations knows which tokens ended before they expire. A [Verifier] asks it
// about every token, last, and on every call. Package revocation has one.
//
// All methods may be called concurrently, and must not block: what they need
// to know, they have in memory.
type Revocations interface {
	// Revoked reports whether t has been revoked. An error says that it can't be
	// told now, which is no verdict on t; if it has a method RetryAfter()
	// time.Duration, callers are told to try again after that. A token that is
	// known to be revoked is reported without an error.
	Revoked(t *Token) (bool, error)

	// OnRevoked arranges for ended to be called, once and from any goroutine,
	// when t is revoked; if it has been already, at once. After stop has
	// returned, ended is not called any more. It is for those who hold on to a
	// token, as an open stream does, by [Verifier.OnRevoked]. stop may be called
	// more than once, and may be nil. ended blocks nobody, and doesn't call stop.
	OnRevoked(t *Token, ended func()) (stop func())

	// Covers returns an error if a revoked token could be forgotten while a
	// verifier still accepts it, which does so until leeway after "exp", and no
	// token that lives longer than lifetime. [NewVerifier] asks.
	Covers(lifetime, leeway time.Duration) error
}

// errNoMaxLifetime is a [WithRevocations] that would have to remember for ever.
var errNoMaxLifetime = errors.New("WithRevocations needs MaxLifetime: for how long are revoked tokens to be remembered?")

// checkRevocations reports revocations that forget too early.
func (v *Verifier) checkRevocations() error {
	if v.revocations == (nothingRevoked{}) {
		return nil
	}
	if v.maxLifetime == 0 {
		return errNoMaxLifetime
	}
	return v.revocations.Covers(v.maxLifetime, v.leeway)
}

// checkRevoked is step 7 of verifying.
func (v *Verifier) checkRevoked(t *Token) *Error {
	revoked, err := v.revocations.Revoked(t)
	switch {
	case revoked:
		return refuse(ReasonRevoked, "%s is revoked", t)
	case err != nil:
		return refuse(ReasonRevocationsUnavailable, "%w", err)
	default:
		return nil
	}
}

// nothingRevoked is the default.
type nothingRevoked struct{}

func (nothingRevoked) Revoked(*Token) (bool, error)           { return false, nil }
func (nothingRevoked) OnRevoked(*Token, func()) (stop func()) { return func() {} }
func (nothingRevoked) Covers(_, _ time.Duration) error        { return nil }
