package token

import (
	"context"
	"time"
)

// Observer is told what happened. Its method is called once for each call of
// [Verifier.Verify], by the same goroutine before Verify returns: it must be
// quick, and it may be called concurrently.
type Observer interface {
	Verified(ctx context.Context, v Verification)
}

// Verification is what happened to one token.
type Verification struct {
	Token    *Token        // nil if it was refused
	Reason   Reason        // "" if it was not
	Err      error         // the [*Error] if it was refused, else nil
	Duration time.Duration // by the verifier's clock
	Cached   bool          // whether the token was in the cache, refused or not
}

// verification describes the outcome of verify.
func (v *Verifier) verification(t *Token, cached bool, err *Error, began time.Time) Verification {
	seen := Verification{Token: t, Cached: cached, Duration: v.now().Sub(began)}
	if err != nil {
		seen.Reason, seen.Err = err.reason, err
	}
	return seen
}
