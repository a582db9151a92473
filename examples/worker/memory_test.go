package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestTheQueue has what the consumer relies on.
func TestTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		for _, id := range []string{"1", "2"} {
			if err := m.Put(t.Context(), Job{ID: id, Sealed: []byte("sealed")}); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		for _, step := range []struct {
			id      string
			attempt int
			at      time.Duration
			outcome Outcome
		}{
			{"1", 1, 0, Outcome{Fate: Later, After: 10 * time.Second}},
			{"2", 1, 0, Outcome{Fate: Done}},
			{"1", 2, 10 * time.Second, Outcome{Fate: Dead}},
		} {
			lease, err := m.Lease(t.Context())
			if took := time.Since(began); err != nil || lease.Job.ID != step.id || lease.Attempt != step.attempt || took != step.at {
				t.Errorf("got %+v after %v, %v; want %+v", lease, took, err, step)
			}
			if err := m.Settle(t.Context(), lease, step.outcome); err != nil {
				t.Error(err)
			}
		}
		if dead := m.deadLetters(); len(dead) != 1 || dead[0].ID != "1" || dead[0].Sealed != nil {
			t.Errorf("dead: %v", dead)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if lease, err := m.Lease(ctx); !errors.Is(err, context.DeadlineExceeded) || lease.Attempt != 0 {
			t.Errorf("of an empty queue: %+v, %v", lease, err)
		}
	})
}
