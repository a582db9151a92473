package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// memory is a queue for an example: with the process its jobs are gone. What
// it does is what any queue has to do for a [Queue].
type memory struct {
	lease time.Duration // how long a job is one consumer's alone

	mu      sync.Mutex
	entries []*entry // in the order in which they came
	dead    []DeadLetter
	changed chan struct{} // closed, and replaced, whenever there may be a job to hand out
}

// entry is a job that is not settled for good.
type entry struct {
	job     Job
	attempt int       // how often it was handed out
	leased  bool      // whether somebody has it
	free    time.Time // from then on it may be handed out: after a pause, or a lease
}

// isHeld reports whether the lease is still the one on the job.
func (e *entry) isHeld(lease Lease, now time.Time) bool {
	return e.leased && e.job.ID == lease.Job.ID && e.attempt == lease.Attempt && now.Before(e.free)
}

// DeadLetter is a job that won't be done, and why.
type DeadLetter struct {
	Job     Job // without its token
	Outcome Outcome
}

// newMemory returns an empty queue.
func newMemory(lease time.Duration) *memory {
	return &memory{lease: lease, changed: make(chan struct{})}
}

// Put implements [inbox].
func (m *memory) Put(ctx context.Context, job Job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = append(m.entries, &entry{job: job, free: time.Now()})
	m.wake()
	return nil
}

// Lease implements [Queue].
func (m *memory) Lease(ctx context.Context) (Lease, error) {
	for ctx.Err() == nil {
		lease, pause, changed := m.take(time.Now())
		if pause == 0 {
			return lease, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return Lease{}, ctx.Err()
}

// errLeaseEnded says that the job may be somebody else's by now.
var errLeaseEnded = errors.New("the lease has ended")

// Settle implements [Queue].
func (m *memory) Settle(ctx context.Context, lease Lease, outcome Outcome) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	i := slices.IndexFunc(m.entries, func(e *entry) bool { return e.isHeld(lease, now) })
	if i < 0 {
		return errLeaseEnded
	}
	if outcome.Fate == Later {
		m.entries[i].leased, m.entries[i].free = false, now.Add(outcome.After)
		m.wake()
		return nil
	}
	job := m.entries[i].job
	m.entries = slices.Delete(m.entries, i, i+1)
	if outcome.Fate == Dead {
		job.Sealed = nil
		m.dead = append(m.dead, DeadLetter{job, outcome})
	}
	return nil
}

// deadLetters returns the jobs that won't be done.
func (m *memory) deadLetters() []DeadLetter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.dead)
}

// jobs returns the jobs that are still to be done.
func (m *memory) jobs() []Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	var jobs []Job
	for _, e := range m.entries {
		jobs = append(jobs, e.job)
	}
	return jobs
}

// take leases the first job that is free. If there is none, it returns how
// long to wait at most, and what is closed if it may be less.
func (m *memory) take(now time.Time) (lease Lease, pause time.Duration, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	pause = time.Hour
	for _, e := range m.entries {
		if !now.Before(e.free) {
			e.attempt++
			e.leased, e.free = true, now.Add(m.lease)
			return Lease{Job: e.job, Attempt: e.attempt}, 0, nil
		}
		pause = min(pause, e.free.Sub(now))
	}
	return Lease{}, pause, m.changed
}

// wake has everyone who waits for a job look again.
func (m *memory) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}
