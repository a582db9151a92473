package token

import (
	"context"
	"runtime"
)

// slots bound how many signatures are checked at once, so that many tokens that were
// never seen, forged ones maybe, leave room for calls whose tokens were.
type slots chan struct{}

// defaultSlots is enough to keep all processors busy, and few enough that a call which
// only wants a look at the cache soon has its turn.
func defaultSlots() int { return 4 * runtime.GOMAXPROCS(0) }

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
