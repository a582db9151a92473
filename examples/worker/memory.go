package main

import (
	"context"
	"slices"
	"sync"
	"time"
)

// memory is a queue for an example. Its jobs are gone with the process, and so
// are its leases: none has to end before. Yours plugs in at [Queue].
type memory struct {
	jobs chan Lease // that wait, with the attempts so far

	mu       sync.Mutex
	outcomes map[string][]Outcome // by the id of the job
	dead     []Job                // without their tokens
}

func newMemory() *memory {
	return &memory{jobs: make(chan Lease, 1000), outcomes: make(map[string][]Outcome)}
}

// Put implements [inbox].
func (m *memory) Put(_ context.Context, job Job) error {
	m.jobs <- Lease{Job: job}
	return nil
}

// Lease implements [Queue].
func (m *memory) Lease(ctx context.Context) (Lease, error) {
	select {
	case lease := <-m.jobs:
		lease.Attempt++
		return lease, nil
	case <-ctx.Done():
		return Lease{}, ctx.Err()
	}
}

// Settle implements [Queue].
func (m *memory) Settle(_ context.Context, lease Lease, outcome Outcome) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcomes[lease.Job.ID] = append(m.outcomes[lease.Job.ID], outcome)
	switch outcome.Fate {
	case Later:
		time.AfterFunc(outcome.After, func() { m.jobs <- lease })
	case Dead:
		lease.Job.Sealed = nil
		m.dead = append(m.dead, lease.Job)
	}
	return nil
}

// of returns what has become of a job, attempt by attempt.
func (m *memory) of(id string) []Outcome {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.outcomes[id])
}

// deadLetters returns the jobs that won't be done.
func (m *memory) deadLetters() []Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.dead)
}
