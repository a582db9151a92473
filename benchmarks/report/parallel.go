package main

import (
	"sync"

	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// parallel verifies tokens that were seen before, on one core and on two. The work is
// the same in total; what counts is how much sooner two are done. That says little on
// a machine that has no two cores to spare, so the CPU time is compared, too: it
// grows if the cores are in each other's way, and else twice as much is done.
func parallel(r *report) ([]line, error) {
	ours, err := contender.NewJWTRelay(r.mint.Trust())
	if err != nil {
		return nil, err
	}
	tokens := r.mint.Tokens(keyset.ES256, 1000)
	if err := verifyAll(ours, tokens); err != nil {
		return nil, err
	}
	work := func(name string, cores int) work {
		rounds := max(400/r.effort, cores) // of all tokens
		return work{name: name, ops: rounds * len(tokens), run: func(ops int) error {
			return split(cores, func() error { return rounded(ours, tokens, ops/len(tokens)/cores) })
		}}
	}
	samples, err := r.race(work("one", 1), work("two", 2))
	if err != nil {
		return nil, err
	}
	speedup := line{name: "warm_parallel_speedup", unit: "times, by wall time", goal: atLeast(1.5)}
	alone := line{name: "warm_parallel_cpu_speedup", unit: "times"}
	for pass, one := range samples["one"] {
		two := samples["two"][pass]
		speedup.values = append(speedup.values, one.wall/two.wall)
		alone.values = append(alone.values, 2*one.cpu/two.cpu)
	}
	return []line{speedup, alone, nanoseconds("warm_lookup_ns", samples["one"], goal{})}, nil
}

// rounded verifies all tokens so many times.
func rounded(c contender.Contender, tokens []string, rounds int) error {
	for range rounds {
		if err := verifyAll(c, tokens); err != nil {
			return err
		}
	}
	return nil
}

// split runs work in so many goroutines and returns the last error of one.
func split(goroutines int, work func() error) error {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		last  error
	)
	for range goroutines {
		group.Go(func() {
			if err := work(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				last = err
			}
		})
	}
	group.Wait()
	return last
}
