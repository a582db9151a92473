//go:build soak

package redisfeed_test

import (
	"context"
	"sync"
	"time"
)

const (
	warmFrom, warmTo = 5 * time.Second, 20 * time.Second // what is measured then is warm
	maxGrowth        = 512 << 10                         // bytes of heap, for buffers and the like
	perEntry         = 512                               // bytes: the list remembers an entry, and arrivals does
	maxGoroutines    = 12                                // more than when it was warm: connections come and go

	// longestEnd is how long a stream may go on when its entry has arrived: far more
	// than any machine stands still, so that a stream which nobody told is noticed.
	longestEnd = 10 * time.Second
)

// settle waits until everything has arrived everywhere, and then checks all tokens
// with all processes, and all streams.
func (s *soak) settle(ctx context.Context) {
	deadline := time.Now().Add(reserve / 2)
	for s.missing(s.count()) > 0 || s.mismatched() > 0 || s.open.Load() != openStreams {
		if time.Now().After(deadline) {
			s.complain("at the end: %d revocations are missing somewhere, %d streams are open, want %d, %d of these places are of revoked tokens or none",
				s.missing(s.count()), s.open.Load(), openStreams, s.mismatched())
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.checkTokens(ctx)
	s.settled = time.Now()
	time.Sleep(measureEvery * 3 / 2) // for one more footprint, of the open streams alone
	s.quiet = time.Now()
}

// mismatched returns how many streams are open that must not be, or not open.
func (s *soak) mismatched() int {
	n := 0
	for _, in := range s.streams {
		if t := in.ticket.Load(); t == nil || t.revoked.Load() != nil {
			n++
		}
	}
	return n
}

// checkTokens tries tokens at every process: nothing is being revoked any more, so
// each has one right answer. [soak.call] complains of refusals that are wrong.
func (s *soak) checkTokens(ctx context.Context) {
	var checkers sync.WaitGroup
	for _, p := range s.processes {
		random := s.random(uint64(10 + p.number)) //nolint:gosec // positive
		checkers.Go(func() {
			for range crowdSize / 2 {
				s.check(ctx, p, s.crowd.draw(random))
				s.check(ctx, p, s.crowd.drawEnded(random))
			}
		})
	}
	checkers.Wait()
}

func (s *soak) check(ctx context.Context, p *soakProcess, t *ticket) {
	if t == nil || s.given() {
		return
	}
	s.checked.Add(1)
	if accepted, want := s.call(ctx, p, t), t.revoked.Load() == nil; accepted != want {
		s.complain("at the end: process %d accepted a token: %v, want %v", p.number, accepted, want)
	}
}

// judge complains of what can be told at the end only.
func (s *soak) judge() {
	for _, r := range s.revocations {
		for number := range r.at {
			s.checkFate(r.kind, number, &r.at[number])
		}
	}
	for _, p := range s.processes {
		s.checkFootprint(p)
	}
	if s.welcomed.Load() == 0 || s.denied.Load() == 0 || s.opened.Load() <= openStreams {
		s.complain("too little happened for it to prove anything")
	}
}

// checkFate complains of what was accepted or open too long, by the clock of the
// machine. [soakServer.admitted] does so without a clock, but knows less.
func (s *soak) checkFate(kind string, number int, at *fate) {
	arrived := at.arrived.Load()
	if after := time.Duration(at.begun.Load() - arrived); arrived != 0 && after > 0 {
		s.complain("process %d: a call that began %v after the entry for a %s had arrived was accepted", number, after, kind)
	}
	if after := time.Duration(at.ended.Load() - arrived); arrived != 0 && after > longestEnd {
		s.complain("process %d: a stream ended %v after the entry for a %s had arrived", number, after, kind)
	}
}

func (s *soak) checkFootprint(p *soakProcess) {
	warm, ok := s.warm(p)
	final, alsoOK := s.final(p)
	if !ok || !alsoOK {
		s.complain("process %d: it was too short to see whether memory grows", p.number)
	}
	if allowed := warm.Heap + maxGrowth + perEntry*uint64(max(final.Entries-warm.Entries, 0)); final.Heap > allowed {
		s.complain("process %d: heap: %d bytes, after %d when warm", p.number, final.Heap, warm.Heap)
	}
	if final.Goroutines > warm.Goroutines+maxGoroutines {
		s.complain("process %d: %d goroutines, after %d when warm", p.number, final.Goroutines, warm.Goroutines)
	}
	if p.left == nil {
		s.complain("process %d did not say what was left", p.number)
	} else if p.left.Goroutines > p.left.Began {
		s.complain("process %d: %d goroutines when all was closed, %d when it began", p.number, p.left.Goroutines, p.left.Began)
	}
}

func (s *soak) warm(p *soakProcess) (footprint, bool) {
	return p.smallest(s.began.Add(warmFrom), s.began.Add(warmTo))
}

func (s *soak) final(p *soakProcess) (footprint, bool) {
	return p.smallest(s.settled, s.quiet)
}
