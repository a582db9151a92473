package main

import (
	"github.com/jwtrelay/jwtrelay/benchmarks/calls"
	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
)

// hop calls one service, over no network, with the tokens of 1 000 users, some of
// whom call more than others. The floor is a service that gets the same header and
// doesn't look at it.
func hop(r *report) ([]line, error) {
	sides, err := r.hops()
	if err != nil {
		return nil, err
	}
	samples, err := r.load(calls.InMemory{}, 64, sides...)
	if err != nil {
		return nil, err
	}
	return []line{
		ratio("hop_load_ratio", samples[contender.Ours], samples["none"], atMost(1.05)),
		ratio("hop_load_usual_ratio", samples["usual"], samples["none"], goal{}),
		nanoseconds("hop_load_none_ns", samples["none"], goal{}),
	}, nil
}

// hops returns the sides.
func (r *report) hops() ([]side, error) {
	users := r.manyUsers()
	sides := []side{{"none", []calls.Auth{{}}, users}}
	for _, entry := range contender.All()[:2] {
		c, err := entry.New(r.mint.Trust())
		if err != nil {
			return nil, err
		}
		sides = append(sides, side{entry.Name, []calls.Auth{{Verify: c.UnaryInterceptor()}}, users})
	}
	return sides, nil
}
