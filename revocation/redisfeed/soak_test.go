//go:build soak

// The soak: minutes of real time, gRPC and Redis, in which many call three server
// processes, one revokes, Redis is killed and the network is cut. `make
// soak-revocation` runs it.

package redisfeed_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/revocation"
)

const (
	soakTime = 105 * time.Second // unless -timeout says otherwise
	reserve  = 15 * time.Second
	soakRole = "SOAKROLE"

	processes            = 3
	openStreams          = 200
	callsPerSecond       = 2000
	revocationsPerSecond = 20

	maxViolations = 5 // that are shown; after so many, the soak ends
)

// soak is one run, seen by its driver.
type soak struct {
	t     *testing.T
	seed  uint64
	began time.Time
	end   time.Time

	settled, quiet time.Time // between them, nothing went on but the streams

	redis     *server
	network   *proxy // between the server processes and Redis
	writer    revocation.Writer
	crowd     *crowd
	processes []*soakProcess
	streams   []*place
	late      func(*soakProcess, *ticket) // opens a stream with a token that is being revoked

	calls, accepted, denied, errors            atomic.Int64
	opened, open                               atomic.Int64 // streams
	lateOpens, welcomed, checked, failedWrites atomic.Int64
	latency                                    durations
	trouble                                    atomic.Bool // Redis or the network is out of order, or was until now
	troubles                                   []string    // what came of each
	stall                                      time.Duration
	stopped                                    chan struct{} // closed when there are violations enough

	mu          sync.Mutex
	pending     map[string]*revoked
	revocations []*revoked
	violations  []string
}

// TestSoak lasts until shortly before the test's -timeout. SOAKSEED repeats the
// choices of another run, as far as they don't depend on who was faster.
func TestSoak(t *testing.T) { //nolint:paralleltest // it wants the machine for itself
	if os.Getenv(soakRole) != "" {
		serveSoak(t)
		return
	}
	s := newSoak(t)
	s.start()
	s.run()
	for _, p := range s.processes {
		if err := p.stop(); err != nil {
			s.complain("server process %d: %v", p.number, err)
		}
	}
	s.judge()
	s.say("%s", s.report())
	for i, violation := range s.violations {
		if i == maxViolations {
			t.Errorf("and %d more", len(s.violations)-i)
			break
		}
		t.Error(violation)
	}
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{
		t: t, seed: rand.Uint64(), end: time.Now().Add(soakTime), //nolint:gosec // chooses
		stopped: make(chan struct{}), pending: make(map[string]*revoked),
	}
	if deadline, ok := t.Deadline(); ok {
		s.end = deadline.Add(-reserve)
	}
	if left := time.Until(s.end); left > soakLifetime/2 {
		t.Fatalf("it can't last for %v: tokens would expire", left)
	}
	if given := os.Getenv("SOAKSEED"); given != "" {
		var err error
		if s.seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("SOAKSEED: %v", err)
		}
	}
	s.say("SOAKSEED=%d, for %v, load of the machine %s", s.seed, time.Until(s.end).Round(time.Second), load())
	return s
}

// say prints a line.
func (s *soak) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.t.Output(), format+"\n", args...)
}

// complain notes a violation.
func (s *soak) complain(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := time.Since(s.began).Round(time.Millisecond)
	s.violations = append(s.violations, fmt.Sprintf("after %v: ", since)+fmt.Sprintf(format, args...))
	if len(s.violations) == maxViolations {
		close(s.stopped)
	}
}

// given reports whether the soak has been given up.
func (s *soak) given() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

// random returns a generator of its own for each user.
func (s *soak) random(stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(s.seed, stream)) //nolint:gosec // chooses
}

// start starts Redis, the servers and the crowd.
func (s *soak) start() {
	s.t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		s.t.Fatal(err)
	}
	s.redis = startServer(s.t)
	s.network = startProxy(s.t, s.redis.addr)
	s.writer = openSoakWriter(s.t, s.redis.addr)
	o := orders{Redis: s.network.addr}
	s.crowd = &crowd{issuers: soakIssuers(jwttest.NoTest{})}
	for _, issuer := range s.crowd.issuers {
		o.Issuers = append(o.Issuers, orderedIssuer{issuer.URL(), issuer.JWKS()})
	}
	s.crowd.verifier = soakVerifier(s.t, o)
	s.crowd.fill(s.t.Context())
	s.began = time.Now()
	for number := range processes {
		s.processes = append(s.processes, startProcess(s.t, number, o, s.told))
	}
	for number := range openStreams {
		s.streams = append(s.streams, &place{number: number})
	}
}

// told notes what a server process reports.
func (s *soak) told(p *soakProcess, r report) {
	if r.Wrong != "" {
		s.complain("process %d: %s", p.number, r.Wrong)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range r.Arrived {
		if one := s.pending[name]; one != nil {
			one.at[p.number].arrived.CompareAndSwap(0, r.At)
			if s.trouble.Load() {
				one.troubled.Store(true)
			}
		}
	}
}

// run lets everybody work until it is time, or too much is wrong; and streams stay
// open until all has been checked.
func (s *soak) run() {
	s.began = time.Now()
	ctx, cancel := context.WithDeadline(context.Background(), s.end)
	defer cancel()
	streaming, hangUp := context.WithCancel(context.Background())
	var streams, workers sync.WaitGroup
	work := func(group *sync.WaitGroup, ctx context.Context, do func(context.Context) error) {
		group.Go(func() {
			if err := do(ctx); err != nil {
				s.complain("%v", err)
			}
		})
	}
	for _, in := range s.streams {
		work(&streams, streaming, func(ctx context.Context) error { return s.streamOn(ctx, in) })
	}
	s.late = func(p *soakProcess, t *ticket) { streams.Go(func() { s.streamLate(streaming, p, t) }) }
	for _, do := range []func(context.Context) error{s.callAll, s.revokeAll, s.makeTrouble, s.watchClock} {
		work(&workers, ctx, do)
	}
	select {
	case <-ctx.Done():
	case <-s.stopped:
		cancel()
	}
	workers.Wait()
	s.settle(context.WithoutCancel(ctx))
	hangUp()
	streams.Wait()
}

// watchClock notices when this process is not let run.
func (s *soak) watchClock(ctx context.Context) error {
	const tick = 10 * time.Millisecond
	for last := time.Now(); goesOn(ctx, tick); last = time.Now() {
		s.stall = max(s.stall, time.Since(last)-tick)
	}
	if drift := time.Now().Round(0).Sub(s.began.Round(0)) - time.Since(s.began); drift.Abs() > time.Millisecond {
		return fmt.Errorf("the clock was set by %v meanwhile: times are worth nothing", drift)
	}
	return nil
}
