package main

import (
	"math/rand/v2"
	"time"
)

// Backoff are pauses that double, up to a longest one.
type Backoff struct {
	Min time.Duration // the first; 0 means 1 second
	Max time.Duration // the longest; 0 means 1 minute
}

// pause returns the pause after so many failures in a row, 1 or more. A random
// part, up to a half, is taken off: when a service comes back, those who watch it
// should not come back all at once.
func (b Backoff) pause(failed int) time.Duration {
	pause, most := b.least(), b.most()
	for i := 1; i < failed && pause < most; i++ {
		pause += min(pause, most-pause)
	}
	pause = min(pause, most)
	return pause - rand.N(pause/2+1) //nolint:gosec // spreads load, and guards nothing
}

func (b Backoff) least() time.Duration {
	if b.Min <= 0 {
		return time.Second
	}
	return b.Min
}

func (b Backoff) most() time.Duration {
	if b.Max <= 0 {
		return time.Minute
	}
	return b.Max
}
