//go:build soak

// The soak: minutes of real time and HTTP, in which an issuer goes wrong in
// every way that jwttest knows and rotates its keys, while many verify. `make
// soak-keys` runs it.

package keyset_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
)

const (
	soakTime  = 200 * time.Second // unless -timeout says otherwise
	reserve   = 15 * time.Second
	verifiers = 50

	tick = 20 * time.Millisecond
)

// soak is one run.
type soak struct {
	t    *testing.T
	seed uint64
	end  time.Time

	issuer          *jwttest.Issuer
	feed            *feed
	rotation        *rotation
	remotes         []*soakSource
	sources         []*soakSource // those and the file
	restarted, file *soakSource
	ledger          *ledger
	faults          []soakFault
	fault           label // of the issuer
	harm            label // of the file

	warm, final  footprint
	goroutines   struct{ start, before, closed, after int }
	committed    atomic.Int64 // faults
	stalls       atomic.Int64
	longestStall time.Duration
}

// TestSoak lasts until shortly before the test's -timeout. SOAKSEED repeats the
// faults of another run, their order and how long they last.
func TestSoak(t *testing.T) { //nolint:paralleltest // counts goroutines
	s := newSoak(t)
	s.goroutines.start = fewestGoroutines()
	s.issuer.URL() // starts its server
	s.goroutines.before = fewestGoroutines()
	s.open()
	s.run()
	for _, source := range s.sources {
		if err := source.current.Load().set.Close(); err != nil {
			t.Error(err)
		}
	}
	s.goroutines.closed = goroutinesDownTo(s.goroutines.before)
	s.issuer.Close()
	s.goroutines.after = goroutinesDownTo(s.goroutines.start)
	s.judge()
	s.say("%s", s.report())
	for i, violation := range s.ledger.violations {
		if i == maxViolations {
			t.Errorf("and %d more", len(s.ledger.violations)-i)
			break
		}
		t.Error(violation)
	}
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{t: t, seed: rand.Uint64(), end: time.Now().Add(soakTime)} //nolint:gosec // chooses faults
	if deadline, ok := t.Deadline(); ok {
		s.end = deadline.Add(-reserve)
	}
	if given := os.Getenv("SOAKSEED"); given != "" {
		var err error
		if s.seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("SOAKSEED: %v", err)
		}
	}
	s.issuer = jwttest.NewIssuer(t, jwttest.WithAlgorithms(soakAlgorithm))
	s.ledger = newLedger()
	s.fault.set(nothingWrong)
	s.harm.set(fileWhole)
	s.say("SOAKSEED=%d, for %v", s.seed, time.Until(s.end).Round(time.Second))
	return s
}

// say prints a line.
func (s *soak) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.t.Output(), format+"\n", args...)
}

// random returns a generator of its own for each user.
func (s *soak) random(stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(s.seed, stream)) //nolint:gosec // chooses faults
}

// open opens the sets and waits until they are ready.
func (s *soak) open() {
	s.t.Helper()
	s.feed = &feed{issuer: s.issuer, path: filepath.Join(s.t.TempDir(), "keys.json")}
	s.rotation = &rotation{issuer: s.issuer, feed: s.feed, random: s.random(1)}
	if err := s.rotation.begin(); err != nil {
		s.t.Fatal(err)
	}
	s.faults = soakFaults(s.issuer)
	config := soakConfig()
	discovered := discoveredSource(s.issuer, "discovered", config)
	quiet := fetchedSource(s.issuer, "quiet", config, true)
	config.MaxStale = shortStale
	impatient := discoveredSource(s.issuer, "impatient", config)
	config = soakConfig()
	config.SnapshotFile, config.RefreshInterval = filepath.Join(s.t.TempDir(), "snapshot"), longRefresh
	s.restarted = fetchedSource(s.issuer, "restarted", config, false)
	s.file = loadedSource(s.issuer, "file", s.feed.path)
	s.remotes = []*soakSource{discovered, impatient, quiet, s.restarted}
	s.sources = append(slices.Clone(s.remotes), s.file)
	for _, source := range s.sources {
		if err := source.start(s.fetched(source)); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, source := range s.sources {
		for !source.current.Load().set.Status().Ready {
			time.Sleep(tick)
		}
		source.health.start()
	}
}

// fetched returns what a source tells its fetches to.
func (s *soak) fetched(source *soakSource) func(error) {
	if !source.remote {
		return func(error) {}
	}
	return func(err error) {
		source.fetches.Add(1)
		s.ledger.fetched(s.fault.String(), err)
	}
}

// run lets everybody work until it is time, or too much is wrong.
func (s *soak) run() {
	ctx, cancel := context.WithDeadline(context.Background(), s.end)
	defer cancel()
	var workers sync.WaitGroup
	work := func(do func(context.Context) error) {
		workers.Go(func() {
			if err := do(ctx); err != nil {
				s.ledger.complain(err.Error())
			}
		})
	}
	for i := range verifiers {
		work(func(ctx context.Context) error { return s.verify(ctx, s.random(uint64(100+i))) }) //nolint:gosec // positive
	}
	for _, do := range []func(context.Context) error{
		s.rotation.run, s.breakIssuer, s.breakFile, s.restart, s.watchClock, s.watchBudget, s.tellProgress,
	} {
		work(do)
	}
	select {
	case <-ctx.Done():
	case <-s.ledger.failed:
		cancel()
	}
	workers.Wait()
}

// verify verifies one token after the other.
func (s *soak) verify(ctx context.Context, random *rand.Rand) error {
	for goesOn(ctx, between(random, 5*time.Millisecond, 40*time.Millisecond)) {
		source := s.sources[random.IntN(len(s.sources))]
		fault := &s.fault
		if !source.remote {
			fault = &s.harm
		}
		during := fault.String()
		kind, raw, key := s.rotation.deck.Load().draw(random, source.quiet)
		v := source.verify(ctx, kind, raw, key)
		s.ledger.verified(during, &v, len(v.allowed()) == 1)
		source.delays.note(&v)
		if v.refused() {
			source.refusals.Add(1)
		}
		if v.complaint() == "" {
			continue
		}
		status := v.in.set.Status()
		time.Sleep(2 * slack) // what happened meanwhile may not have been told yet
		if complaint := v.complaint(); complaint != "" {
			s.ledger.violated(during, &v, complaint, status)
		}
	}
	return nil
}
