package keyset

import (
	"math/rand/v2"
	"time"
)

// backoff doubles the time between tries that fail one after the other.
type backoff struct{ min, max time.Duration }

// after returns the time to wait after so many failures in a row: at least 1.
func (b backoff) after(failures int) time.Duration {
	wait := b.min
	for range failures - 1 {
		if wait >= b.max/2 {
			wait = b.max
			break
		}
		wait *= 2
	}
	return shorter(wait, wait/2)
}

// ahead returns when to replace what is good for d: some time before, at a time
// that differs from process to process.
func ahead(d time.Duration) time.Duration { return shorter(d-d/20, d/5) }

// within returns d as far as it is within the bounds, and the longest for a d
// that nobody named.
func within(d, shortest, longest time.Duration) time.Duration {
	if d == 0 {
		return longest
	}
	return min(max(d, shortest), longest)
}

// shorter returns d less a random part of at most atMost, so that what
// many processes began together does not stay together.
func shorter(d, atMost time.Duration) time.Duration {
	return d - rand.N(atMost+1) //nolint:gosec // spreads load, and guards nothing
}
