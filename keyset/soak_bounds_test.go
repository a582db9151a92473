//go:build soak

package keyset_test

import (
	"fmt"
	"runtime"
	"time"
)

const (
	// maxGrowth is for what has a bound, and needs minutes to fill it: the last 1000
	// requests that the issuer remembers for each endpoint, with their headers, and
	// the last 1000 ids that each set knows to be absent. In bytes of heap.
	maxGrowth     = 3 << 20
	maxGoroutines = 12 // more than when it was warm: connections come and go
)

// footprint is what the process takes.
type footprint struct {
	heap       uint64 // bytes
	goroutines int
}

func measure() footprint {
	goroutines := fewestGoroutines()
	runtime.GC() // twice: what was pooled is let go after the second
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return footprint{heap: stats.HeapInuse, goroutines: goroutines}
}

// fewestGoroutines returns how many there are, without those that are on their
// way.
func fewestGoroutines() int {
	fewest := runtime.NumGoroutine()
	for range 10 {
		time.Sleep(tick)
		fewest = min(fewest, runtime.NumGoroutine())
	}
	return fewest
}

// goroutinesDownTo returns how many there are, once it is no more than want or
// was for long.
func goroutinesDownTo(want int) int {
	for range 250 {
		if runtime.NumGoroutine() <= want {
			break
		}
		time.Sleep(tick)
	}
	return runtime.NumGoroutine()
}

// spending is how often a set fetched, and what it went through.
type spending struct {
	fetches int64
	tally   tally
}

// spending returns that of each remote set.
func (s *soak) spending() []spending {
	all := make([]spending, len(s.remotes))
	for i, source := range s.remotes {
		all[i] = spending{source.fetches.Load(), source.health.tally()}
	}
	return all
}

// checkBudgets complains of each set that has fetched more since then than its
// configuration allows.
func (s *soak) checkBudgets(when string, since []spending) {
	for i, now := range s.spending() {
		name, bound := s.remotes[i].name, fetchBound(s.remotes[i].config, now.tally.minus(since[i].tally))
		if fetches := now.fetches - since[i].fetches; fetches > int64(bound) {
			s.ledger.complain(fmt.Sprintf("%s: %d fetches %s, allowed are %d", name, fetches, when, bound))
		}
	}
}

// requestBounds returns how many requests the configurations allow.
func (s *soak) requestBounds() (keys, discovery int) {
	fetches, requests := s.ledger.fetches(len(s.remotes))
	keys, discovery = requests-fetches, requests-fetches
	for _, source := range s.remotes {
		bound := fetchBound(source.config, source.health.tally())
		keys += bound
		if source.discovers {
			discovery += bound
		}
	}
	return keys, discovery
}

// judge complains of what can be told at the end only.
func (s *soak) judge() {
	s.checkBudgets("in all", make([]spending, len(s.remotes)))
	s.checkRequests()
	for _, source := range s.sources {
		if met, told := source.refusals.Load(), source.told.Load(); met != told {
			s.ledger.complain(fmt.Sprintf("%s: the observer was told of %d refusals of %d", source.name, told, met))
		}
	}
	s.checkFootprint()
	if int(s.committed.Load()) >= len(s.faults) {
		s.checkCertainty()
	}
}

func (s *soak) checkRequests() {
	keys, discovery := s.requestBounds()
	if n := s.issuer.JWKSRequests(); n > keys {
		s.ledger.complain(fmt.Sprintf("%d requests for the keys, allowed are %d", n, keys))
	}
	if n := s.issuer.DiscoveryRequests(); n > discovery {
		s.ledger.complain(fmt.Sprintf("%d requests for the discovery document, allowed are %d", n, discovery))
	}
	// Each restart may cut a fetch short, of which nobody is told.
	_, requests := s.ledger.fetches(len(s.remotes))
	requests += s.restarted.health.tally().restarts + len(s.remotes)
	if n := s.issuer.JWKSRequests(); n > requests {
		s.ledger.complain(fmt.Sprintf("%d requests for the keys, by fetches that make %d", n, requests))
	}
}

func (s *soak) checkFootprint() {
	g := s.goroutines
	if s.warm.heap == 0 {
		s.ledger.complain("it was too short to see whether memory grows")
	}
	if s.final.heap > s.warm.heap+maxGrowth {
		s.ledger.complain(fmt.Sprintf("heap: %d bytes, after %d when warm", s.final.heap, s.warm.heap))
	}
	if s.final.goroutines > s.warm.goroutines+maxGoroutines {
		s.ledger.complain(fmt.Sprintf("%d goroutines, after %d when warm", s.final.goroutines, s.warm.goroutines))
	}
	if g.closed > g.before {
		s.ledger.complain(fmt.Sprintf("%d goroutines after Close, %d before the sets were opened", g.closed, g.before))
	}
	if g.after > g.start {
		s.ledger.complain(fmt.Sprintf("%d goroutines at the end, %d at the start", g.after, g.start))
	}
}

// checkCertainty complains of a soak that proves nothing, because the windows
// left more than one verdict open all the time.
func (s *soak) checkCertainty() {
	for _, want := range []outcome{
		{kind: goodToken, verdict: accepted},
		{kind: forgedToken, verdict: signatureInvalid},
		{kind: oldToken, verdict: keyUnknown},
		{kind: randomToken, verdict: keyUnknown},
		{kind: randomToken, verdict: keysUnavailable},
	} {
		for _, source := range s.sources {
			if source.quiet && want.kind == randomToken {
				continue
			}
			want.source = source.name
			if s.ledger.sum(func(at outcome) bool { return at == want }).certain == 0 {
				s.ledger.complain(fmt.Sprintf("%s: never was it certain that a token with %s must be %s",
					want.source, want.kind, want.verdict))
			}
		}
	}
}
