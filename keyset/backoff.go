package keyset

import (
	"math/rand/v2"
	"time"
)

// backoff doubles the time between tries that fail one after the other.
type backoff struct {
	min, max time.Duration
	failures int
}

// next returns the time to wait after one more failure.
func (b *backoff) next() time.Duration {
	wait := b.min
	for range b.failures {
		if wait >= b.max/2 {
			wait = b.max
			break
		}
		wait *= 2
	}
	b.failures++
	return shorter(wait, wait/2)
}

// shorter returns d less a random part of at most atMost, so that what
// many processes began together does not stay together.
func shorter(d, atMost time.Duration) time.Duration {
	return d - rand.N(atMost+1) //nolint:gosec // spreads load, and guards nothing
}
