package main

import (
	"context"
	"slices"
	"sync"
)

// witness is a queue that notes what it is given and what becomes of it. It
// stands where yours would.
type witness struct {
	*memory

	mu       sync.Mutex
	put      map[string]Job // by id
	outcomes map[string][]Outcome
}

func newWitness(queue *memory) *witness {
	return &witness{memory: queue, put: make(map[string]Job), outcomes: make(map[string][]Outcome)}
}

// Put implements [inbox].
func (w *witness) Put(ctx context.Context, job Job) error {
	w.mu.Lock()
	w.put[job.ID] = job
	w.mu.Unlock()
	return w.memory.Put(ctx, job)
}

// Settle implements [Queue].
func (w *witness) Settle(ctx context.Context, lease Lease, outcome Outcome) error {
	if err := w.memory.Settle(ctx, lease, outcome); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes[lease.Job.ID] = append(w.outcomes[lease.Job.ID], outcome)
	return nil
}

// job returns a job as it was put.
func (w *witness) job(id string) Job {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.put[id]
}

// of returns what has become of a job, attempt by attempt.
func (w *witness) of(id string) []Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.outcomes[id])
}

// last returns what became of a job in the end; the zero value until then.
func (w *witness) last(id string) Outcome {
	outcomes := w.of(id)
	if len(outcomes) == 0 || outcomes[len(outcomes)-1].Fate == Later {
		return Outcome{}
	}
	return outcomes[len(outcomes)-1]
}
