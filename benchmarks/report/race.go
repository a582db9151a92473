package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"
)

// work is something that is measured.
type work struct {
	name    string
	prepare func() error        // before each measurement and not part of it; nil for nothing
	run     func(ops int) error // does its operation so many times
	ops     int                 // 0 for as many as take a while
}

// sample is what one operation took, on average, in one pass.
type sample struct {
	cpu, wall     float64 // ns; CPU time of the whole process, in user and kernel mode
	allocs, bytes float64 // of the whole process
}

// race measures all works once in each pass, in random order, and returns their
// samples by name, in the order of the passes.
func (r *report) race(works ...work) (map[string][]sample, error) {
	for i := range works {
		if err := r.calibrate(&works[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", works[i].name, err)
		}
	}
	samples := make(map[string][]sample)
	for range r.passes {
		for _, i := range rand.Perm(len(works)) { //nolint:gosec // an order is no secret
			one, err := measure(works[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", works[i].name, err)
			}
			samples[works[i].name] = append(samples[works[i].name], one)
		}
	}
	return samples, nil
}

// calibrate sets how many operations take long enough to be measured.
func (r *report) calibrate(w *work) error {
	if w.ops > 0 {
		return nil
	}
	for w.ops = 16; ; w.ops *= 2 {
		one, err := measure(*w)
		if err != nil {
			return err
		}
		if took := one.wall * float64(w.ops); took >= float64(r.slice)/2 {
			w.ops = int(float64(r.slice)/one.wall) + 1
			return nil
		}
	}
}

// measure runs a work once. Garbage of what ran before is collected first; that of
// its own is part of its cost.
func measure(w work) (sample, error) {
	if w.prepare != nil {
		if err := w.prepare(); err != nil {
			return sample{}, err
		}
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, used := time.Now(), cpuTime()
	err := w.run(w.ops)
	spent, took := cpuTime()-used, time.Since(began)
	runtime.ReadMemStats(&after)
	ops := float64(w.ops)
	return sample{
		cpu:    float64(spent) / ops,
		wall:   float64(took) / ops,
		allocs: float64(after.Mallocs-before.Mallocs) / ops,
		bytes:  float64(after.TotalAlloc-before.TotalAlloc) / ops,
	}, err
}
