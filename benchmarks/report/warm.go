package main

import (
	"context"

	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/benchmarks/calls"
	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
	"github.com/jwtrelay/jwtrelay/benchmarks/issuer"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// warm runs whole unary interceptors, within a real call, with a token that they have
// seen before. The usual assembly keeps nothing, so that it is the same to it.
func warm(r *report) ([]line, error) {
	var lines, ratios []line
	for _, alg := range issuer.Algorithms() {
		samples, err := r.interceptors(r.mint.Token(alg), contender.All()[:2])
		if err != nil {
			return nil, err
		}
		ours, usual := samples[contender.Ours], samples["usual"]
		if alg == keyset.ES256 { // it is the same for all
			lines = append(lines,
				nanoseconds("warm_interceptor_ns", ours, atMost(500)),
				allocations("warm_interceptor_allocs", ours, atMost(2)),
				allocated("warm_interceptor_bytes", ours, atMost(64)))
		}
		ratios = append(ratios,
			ratio("warm_vs_usual_"+lower(alg)+"_ratio", ours, usual, warmGoal(alg)),
			nanoseconds("warm_usual_"+lower(alg)+"_ns", usual, goal{}),
			allocations("warm_usual_"+lower(alg)+"_allocs", usual, goal{}))
	}
	return append(lines, ratios...), nil
}

// warmGoal is the most that a token seen before may cost, in usual assemblies.
func warmGoal(alg keyset.Algorithm) goal {
	if alg == keyset.HS256 {
		return atMost(0.03)
	}
	return atMost(0.01)
}

// interceptors races the interceptors of some contenders within a call with this
// token, which they all let in.
func (r *report) interceptors(raw string, entries []contender.Entry) (samples map[string][]sample, err error) {
	err = calls.Inside(raw, func(ctx context.Context, info *grpc.UnaryServerInfo) error {
		works, err := r.passages(ctx, info, entries)
		if err != nil {
			return err
		}
		samples, err = r.race(works...)
		return err
	})
	return samples, err
}

// passages returns the interceptors of some contenders, which let this call in.
func (r *report) passages(ctx context.Context, info *grpc.UnaryServerInfo, entries []contender.Entry) ([]work, error) {
	var works []work
	for _, entry := range entries {
		c, err := entry.New(r.mint.Trust())
		if err != nil {
			return nil, err
		}
		once := letIn(ctx, info, c.UnaryInterceptor())
		works = append(works, work{name: entry.Name, prepare: func() error { return once(1) }, run: once})
	}
	return works, nil
}

// letIn runs an interceptor that lets the call in.
func letIn(ctx context.Context, info *grpc.UnaryServerInfo, intercept grpc.UnaryServerInterceptor) func(ops int) error {
	return func(ops int) error {
		for range ops {
			if _, err := intercept(ctx, nil, info, calls.Answer); err != nil {
				return err
			}
		}
		return nil
	}
}
