//go:build soak

package redisfeed_test

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	enoughTime = 45 * time.Second // for trouble and what is measured without it
	downTime   = 3 * time.Second
	cutTime    = 6 * time.Second  // longer than a read may wait
	mostTime   = 60 * time.Second // until all have everything again: far more than it takes
)

// errNotBack says that the processes did not converge.
var errNotBack = errors.New("not all processes have what was revoked")

// makeTrouble kills Redis and cuts the network, if there is time.
func (s *soak) makeTrouble(ctx context.Context) error {
	left := time.Until(s.end)
	if left < enoughTime {
		s.troubles = append(s.troubles, fmt.Sprintf("none: it takes %v", enoughTime))
		return nil
	}
	for _, one := range []struct {
		name string
		make func(context.Context) error
	}{
		{"redis-server killed (-9), started again after " + downTime.String(), s.killRedis},
		{"network silent for " + cutTime.String(), s.cutNetwork},
		{"all connections to Redis closed", s.dropConnections},
	} {
		if !goesOn(ctx, left*2/9) {
			return nil
		}
		if err := s.during(ctx, one.name, one.make); err != nil {
			return err
		}
	}
	return nil
}

func (s *soak) killRedis(ctx context.Context) error {
	s.redis.kill()
	goesOn(ctx, downTime)
	if !s.redis.tryStart() { //nolint:contextcheck // it starts a program that goes on
		return errors.New("redis-server does not start again")
	}
	return nil
}

func (s *soak) cutNetwork(ctx context.Context) error {
	s.network.silent.Store(true)
	goesOn(ctx, cutTime)
	s.network.silent.Store(false)
	return nil
}

func (s *soak) dropConnections(context.Context) error {
	s.network.refuse(true)
	s.network.refuse(false)
	return nil
}

// during makes trouble, and waits until what was revoked up to its end, and one more
// revocation, has arrived everywhere.
func (s *soak) during(ctx context.Context, name string, trouble func(context.Context) error) error {
	s.trouble.Store(true)
	defer s.trouble.Store(false)
	first := s.count()
	if err := trouble(ctx); err != nil {
		return err
	}
	over := time.Now()
	for s.count() == first || s.missing(s.count()) > 0 || !s.newer(over) {
		if time.Since(over) > mostTime {
			return fmt.Errorf("%s: %w after %v: %d are missing", name, errNotBack, mostTime, s.missing(s.count()))
		}
		if !goesOn(ctx, 5*time.Millisecond) {
			s.troubles = append(s.troubles, name+": the time was up too early to tell")
			return nil
		}
	}
	s.troubles = append(s.troubles, fmt.Sprintf("%s: all processes had everything %.2f s later, %d revocations meanwhile",
		name, time.Since(over).Seconds(), s.count()-first))
	return nil
}

func (s *soak) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.revocations)
}

// newer reports whether a revocation that began after a time has arrived everywhere.
func (s *soak) newer(than time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.revocations) - 1; i >= 0; i-- {
		r := s.revocations[i]
		if started := r.started.Load(); started != 0 && started < than.UnixNano() {
			return false
		}
		if r.started.Load() != 0 && r.arrivedAll() != 0 {
			return true
		}
	}
	return false
}

// missing returns how many of the first revocations some process doesn't have.
func (s *soak) missing(first int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.revocations[:first] {
		if r.returned.Load() != 0 && r.arrivedAll() == 0 {
			n++
		}
	}
	return n
}
