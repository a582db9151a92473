package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// putJobs puts jobs with these ids.
func putJobs(t *testing.T, m *memory, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := m.Put(t.Context(), Job{ID: id, Sealed: []byte("sealed")}); err != nil {
			t.Fatal(err)
		}
	}
}

// wantLease leases a job and checks which it is, how often it was leased, and
// how long that took.
func wantLease(t *testing.T, m *memory, id string, attempt int, after time.Duration) Lease {
	t.Helper()
	began := time.Now()
	lease, err := m.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); lease.Job.ID != id || lease.Attempt != attempt || took != after {
		t.Errorf("got job %s, attempt %d, after %v; want %s, %d, %v", lease.Job.ID, lease.Attempt, took, id, attempt, after)
	}
	return lease
}

func settle(t *testing.T, m *memory, lease Lease, outcome Outcome) {
	t.Helper()
	if err := m.Settle(t.Context(), lease, outcome); err != nil {
		t.Error(err)
	}
}

func TestJobsAreHandedOutInTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(time.Minute)
		putJobs(t, m, "1", "2")
		one := wantLease(t, m, "1", 1, 0)
		two := wantLease(t, m, "2", 1, 0)
		settle(t, m, one, Outcome{Fate: Later, After: 10 * time.Second})
		settle(t, m, two, Outcome{Fate: Done})
		one = wantLease(t, m, "1", 2, 10*time.Second)
		settle(t, m, one, Outcome{Fate: Dead, Reason: "x"})
		if len(m.jobs()) > 0 || len(m.deadLetters()) != 1 || m.deadLetters()[0].Job.Sealed != nil {
			t.Errorf("left: %v, dead: %v", m.jobs(), m.deadLetters())
		}
	})
}

func TestALeaseThatEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(time.Minute)
		putJobs(t, m, "1")
		first := wantLease(t, m, "1", 1, 0)
		second := wantLease(t, m, "1", 2, time.Minute)
		if err := m.Settle(t.Context(), first, Outcome{Fate: Done}); !errors.Is(err, errLeaseEnded) {
			t.Errorf("the first consumer, which was too slow, got %v", err)
		}
		settle(t, m, second, Outcome{Fate: Later, After: time.Second})
		if err := m.Settle(t.Context(), second, Outcome{Fate: Done}); !errors.Is(err, errLeaseEnded) {
			t.Errorf("who settled it already got %v", err)
		}
		third := wantLease(t, m, "1", 3, time.Second)
		time.Sleep(time.Minute)
		if err := m.Settle(t.Context(), third, Outcome{Fate: Done}); !errors.Is(err, errLeaseEnded) {
			t.Errorf("who was too slow, though nobody else was quicker, got %v", err)
		}
	})
}

func TestALeaseOfNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		if lease, err := m.Lease(ctx); !errors.Is(err, context.DeadlineExceeded) || lease.Attempt != 0 {
			t.Errorf("got %+v, %v", lease, err)
		}
		putJobs(t, m, "1")
		if _, err := m.Lease(ctx); err == nil {
			t.Error("a job was handed out to nobody")
		}
		time.AfterFunc(30*time.Second, func() { putJobs(t, m, "2") })
		wantLease(t, m, "1", 1, 0)
		wantLease(t, m, "2", 1, 30*time.Second)
	})
}

// TestManyConsumers has each job done once, by whoever gets it.
func TestManyConsumers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		var (
			mu       sync.Mutex
			done     = make(map[string]int)
			consumed sync.WaitGroup
		)
		for range 8 {
			consumed.Go(func() {
				for {
					lease, err := m.Lease(ctx)
					if err != nil {
						return
					}
					mu.Lock()
					done[lease.Job.ID]++
					mu.Unlock()
					_ = m.Settle(ctx, lease, Outcome{Fate: Done})
				}
			})
		}
		for i := range 200 {
			putJobs(t, m, fmt.Sprint(i))
		}
		synctest.Wait()
		cancel()
		consumed.Wait()
		for id, n := range done {
			if n != 1 {
				t.Errorf("job %s was done %d times", id, n)
			}
		}
		if len(done) != 200 {
			t.Errorf("%d jobs were done", len(done))
		}
	})
}
