//go:build soak

package keyset_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

const (
	maxViolations = 5        // that are shown; after so many, the soak ends
	nothingWrong  = "(none)" // the fault of a good period
	fileWhole     = "file: whole"
)

// ledger counts what happens. It may be used concurrently.
type ledger struct {
	began  time.Time
	failed chan struct{} // closed when there are violations enough

	mu         sync.Mutex
	faults     map[string]*episode
	order      []string // of the faults
	counts     map[outcome]*count
	violations []string
}

// episode is what happened under one fault, over all its times.
type episode struct {
	times     int
	keys, doc int // of them, those at either endpoint
	lasted    time.Duration
	requests  int // that one fetch makes of one document, at most
	good, bad int // fetches
	verdicts  map[verdict]int
}

// outcome is what verifications have in common that are counted together.
type outcome struct {
	source  string
	kind    kind
	verdict verdict
}

type count struct {
	all     int
	certain int // of them, those for which only one verdict was allowed
}

func newLedger() *ledger {
	return &ledger{
		began: time.Now(), failed: make(chan struct{}),
		faults: make(map[string]*episode), counts: make(map[outcome]*count),
	}
}

// under returns the episode of a fault. It needs the lock.
func (l *ledger) under(fault string) *episode {
	e, ok := l.faults[fault]
	if !ok {
		e = &episode{verdicts: make(map[verdict]int), requests: 1}
		l.faults[fault] = e
		l.order = append(l.order, fault)
	}
	return e
}

// lasted says that a fault is over.
func (l *ledger) lasted(fault soakFault, at []jwttest.Endpoint, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.under(fault.name)
	e.times++
	e.lasted += d
	e.requests = fault.requests
	if slices.Contains(at, jwttest.JWKS) {
		e.keys++
	}
	if slices.Contains(at, jwttest.Discovery) {
		e.doc++
	}
}

// fetched says that a fetch ended.
func (l *ledger) fetched(fault string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.under(fault); err == nil {
		e.good++
	} else {
		e.bad++
	}
}

// verified says what came of a token.
func (l *ledger) verified(fault string, v *verification, certain bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.under(fault).verdicts[v.verdict]++
	at := outcome{v.source.name, v.kind, v.verdict}
	if l.counts[at] == nil {
		l.counts[at] = new(count)
	}
	l.counts[at].all++
	if certain {
		l.counts[at].certain++
	}
}

// violated says that a verification must not be as it is.
func (l *ledger) violated(fault string, v *verification, complaint string, s keyset.Status) {
	l.complain(fmt.Sprintf("after %v, under %q: %s, token with %s: %s: %s; status: %s",
		v.began.Sub(l.began).Round(time.Millisecond), fault, v.source.name, v.kind, v.verdict, complaint, shortly(s)))
}

// shortly is a status in one line.
func shortly(s keyset.Status) string {
	return fmt.Sprintf("ready %v, %d keys of generation %d, seen %v ago, %d failures (%v)",
		s.Ready, s.Keys, s.Generation, s.Age.Round(time.Millisecond), s.Failures, s.Err)
}

// complain notes a violation.
func (l *ledger) complain(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.violations = append(l.violations, text)
	if len(l.violations) == maxViolations {
		close(l.failed)
	}
}

// sum returns how many verifications there were of those that match.
func (l *ledger) sum(match func(outcome) bool) (sum count) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at, n := range l.counts {
		if match(at) {
			sum.all += n.all
			sum.certain += n.certain
		}
	}
	return sum
}

// fetches returns how many fetches of sets have ended, and how many requests
// for one document they may have made at most.
func (l *ledger) fetches(sets int) (fetches, requests int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.faults {
		ended := e.good + e.bad
		fetches += ended
		requests += ended
		if e.requests > 1 { // and the fetches that it did not see end
			requests += (e.requests - 1) * (ended + sets*e.times)
		}
	}
	return fetches, requests
}

// label is the name of the fault that there is.
type label struct{ name atomic.Pointer[string] }

func (l *label) set(name string) { l.name.Store(&name) }

func (l *label) String() string { return *l.name.Load() }
