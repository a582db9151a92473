package token

import (
	"context"
	"runtime"
)

// slots bound how many signatures are checked at once, so that many tokens that were
// never seen, forged ones maybe, leave room for calls whose tokens were.
type slots chan struct{}

// defaultSlots leaves a quarter of the processors, and at least one if there are two,
// to whoever needs no signature checked. With as many as there are processors, or more, a
// flood takes them all: calls whose tokens are in the cache then wait for milliseconds
// behind it, as they do without a bound. What can be verified in a second hardly differs.
func defaultSlots() int { return max(1, runtime.GOMAXPROCS(0)*3/4) }

// take waits for a slot, no longer than ctx.
func (s slots) take(ctx context.Context) *Error {
	select {
	case s <- struct{}{}:
		return nil
	default:
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return overloaded(ctx)
	}
}

// free gives a slot back.
func (s slots) free() { <-s }

// overloaded is the refusal of a call that ended before its token's turn came.
func overloaded(ctx context.Context) *Error {
	return refuse(ReasonOverloaded, "its turn to be verified did not come: %w", context.Cause(ctx))
}
