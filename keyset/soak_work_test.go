//go:build soak

package keyset_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	warmUp    = 25 * time.Second
	stall     = 200 * time.Millisecond  // a machine that stood still for so long proves nothing
	meanCycle = 5200 * time.Millisecond // of a fault and the time after it
)

// paced draws times, longer or shorter by a factor.
type paced struct {
	*rand.Rand
	factor float64
}

func (p paced) between(shortest, longest time.Duration) time.Duration {
	return time.Duration(p.factor * float64(between(p.Rand, shortest, longest)))
}

func (p paced) chance(of float64) bool { return p.Float64() < of }

// breakIssuer goes through all faults, again and again, with good times in
// between. A round is as long as what is left of the soak, within limits.
func (s *soak) breakIssuer(ctx context.Context) error {
	draw := paced{Rand: s.random(2)}
	for {
		for i, n := range draw.Perm(len(s.faults)) {
			left := meanCycle * time.Duration(len(s.faults)-i)
			draw.factor = min(max((time.Until(s.end)-meanCycle).Seconds()/left.Seconds(), 0.3), 2)
			if !s.goWell(ctx, draw) || !s.goWrong(ctx, s.faults[n], draw) {
				return nil
			}
		}
	}
}

// goWell leaves the issuer alone for a while, which now and then is too short to
// recover.
func (s *soak) goWell(ctx context.Context, draw paced) bool {
	lasts := between(draw.Rand, 4*time.Second, 5*time.Second)
	if draw.chance(0.4) {
		lasts = draw.between(300*time.Millisecond, 1500*time.Millisecond)
	}
	began := time.Now()
	defer func() { s.ledger.lasted(soakFault{name: nothingWrong, requests: 1}, nil, time.Since(began)) }()
	if !goesOn(ctx, lasts) {
		return false
	}
	if time.Since(s.ledger.began) > warmUp {
		s.final = measure()
		if s.warm == (footprint{}) {
			s.warm = s.final
		}
	}
	return true
}

// goWrong commits a fault somewhere for a while, which now and then is longer
// than an impatient set has patience.
func (s *soak) goWrong(ctx context.Context, fault soakFault, draw paced) bool {
	lasts := draw.between(600*time.Millisecond, 1800*time.Millisecond)
	if draw.chance(0.25) {
		lasts = between(draw.Rand, 3300*time.Millisecond, 4200*time.Millisecond)
	}
	at := fault.where(draw.Rand)
	began, before := time.Now(), s.spending()
	affected := make(map[*soakSource]condition)
	for _, source := range s.remotes {
		if c := fault.condition(source, at); c != well || fault.move {
			affected[source] = c
		}
	}
	s.change(affected, func() { fault.begin(at...) })
	s.fault.set(fault.name)
	more := goesOn(ctx, lasts)
	s.checkBudgets("under "+strconv.Quote(fault.name), before)
	for source := range affected {
		affected[source] = well
	}
	s.change(affected, fault.end)
	s.fault.set(nothingWrong)
	s.committed.Add(1)
	s.ledger.lasted(fault, at, time.Since(began))
	return more
}

// change does something after which the sources are like this. Until it is done,
// that is unclear.
func (s *soak) change(to map[*soakSource]condition, do func()) {
	for source := range to {
		source.becomes(unclear)
	}
	do()
	for source, c := range to {
		source.becomes(c)
	}
}

// breakFile breaks the file now and then.
func (s *soak) breakFile(ctx context.Context) error {
	random, file := s.random(3), s.file
	for goesOn(ctx, between(random, time.Second, 5*time.Second)) {
		file.becomes(unclear)
		began := time.Now()
		harm, err := s.feed.harm(random)
		if err != nil {
			return err
		}
		file.becomes(ill)
		s.harm.set(harm)
		goesOn(ctx, between(random, 200*time.Millisecond, 3*time.Second)) // and is mended in any case
		file.becomes(unclear)
		if err := s.feed.mend(); err != nil {
			return err
		}
		s.harm.set(fileWhole)
		file.becomes(well)
		s.ledger.lasted(soakFault{name: harm, requests: 1}, nil, time.Since(began))
	}
	return nil
}

// restart restarts a set now and then.
func (s *soak) restart(ctx context.Context) error {
	random := s.random(4)
	for goesOn(ctx, between(random, 3*time.Second, 8*time.Second)) {
		if err := s.restarted.restart(between(random, 0, 200*time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}

// watchClock notices when this machine stood still, so that nothing that was due
// meanwhile is held against a set.
func (s *soak) watchClock(ctx context.Context) error {
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()
	before := time.Now()
	for goesOn(ctx, tick) {
		if err := s.ping(ctx, client); err != nil {
			return err
		}
		late := time.Since(before) - tick
		s.longestStall = max(s.longestStall, late)
		if late > stall {
			s.stalls.Add(1)
			for _, source := range s.sources {
				source.health.renew(before)
			}
		}
		before = time.Now()
	}
	return nil
}

// ping asks the issuer for something that it neither has nor counts.
func (s *soak) ping(ctx context.Context, client *http.Client) error {
	ctx = context.WithoutCancel(ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.issuer.URL()+"/ping", http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}

// watchBudget holds the fetches of each minute against what is allowed.
func (s *soak) watchBudget(ctx context.Context) error {
	before := s.spending()
	for goesOn(ctx, time.Minute) {
		s.checkBudgets("in one minute", before)
		before = s.spending()
	}
	return nil
}

// tellProgress says every now and then how it goes.
func (s *soak) tellProgress(ctx context.Context) error {
	const every = 10 * time.Second
	for goesOn(ctx, every) {
		fetches, _ := s.ledger.fetches(0)
		s.say("%5.0fs  %3d faults, now %-30s  %3d rotations  %5d fetches  %7d verifications",
			time.Since(s.ledger.began).Seconds(), s.committed.Load(), &s.fault, s.rotation.count.Load(), fetches,
			s.ledger.sum(func(outcome) bool { return true }).all)
	}
	return nil
}
