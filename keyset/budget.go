package keyset

import "time"

// budget is a token bucket: burst fetches at once, and one more after each
// interval. It is not safe for concurrent use.
type budget struct {
	burst    int
	interval time.Duration

	left   int
	ticked time.Time // when left last grew, or was full
}

func newBudget(burst int, interval time.Duration, now time.Time) budget {
	return budget{burst: burst, interval: interval, left: burst, ticked: now}
}

// take spends one fetch and reports whether there was one.
func (b *budget) take(now time.Time) bool {
	b.refill(now)
	if b.left <= 0 {
		return false
	}
	b.left--
	return true
}

// owe is take for a fetch that is made in any case: it may cost the next one.
func (b *budget) owe(now time.Time) {
	b.refill(now)
	b.left = max(b.left-1, -1)
}

// untilNext returns the time until take may succeed, if the budget is empty.
func (b *budget) untilNext(now time.Time) time.Duration {
	b.refill(now)
	return time.Duration(1-b.left)*b.interval - now.Sub(b.ticked)
}

func (b *budget) refill(now time.Time) {
	ticks := max(now.Sub(b.ticked)/b.interval, 0)
	missing := time.Duration(b.burst - b.left)
	if ticks >= missing || now.Before(b.ticked) {
		b.left += int(min(ticks, missing))
		b.ticked = now // a full bucket gains nothing by waiting
		return
	}
	b.left += int(ticks)
	b.ticked = b.ticked.Add(ticks * b.interval)
}
