package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/benchmarks/calls"
	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// refuse measures what it costs to say no.
func refuse(r *report) ([]line, error) {
	var lines []line
	for _, measure := range []func(*report) ([]line, error){oversize, unknownKid, badSignatures} {
		more, err := measure(r)
		if err != nil {
			return nil, err
		}
		lines = append(lines, more...)
	}
	return lines, nil
}

// oversize is about a token over the limit of 16 KiB.
func oversize(r *report) ([]line, error) {
	raw := r.oversized()
	samples, err := r.refusals(raw, contender.All()[:1])
	if err != nil {
		return nil, err
	}
	verify, interceptor := samples["verify "+contender.Ours], samples["interceptor "+contender.Ours]
	return []line{
		nanoseconds("refuse_oversize_ns", verify, atMost(1000)),
		allocations("refuse_oversize_allocs", verify, atMost(0)),
		nanoseconds("refuse_oversize_interceptor_ns", interceptor, goal{}),
		allocations("refuse_oversize_interceptor_allocs", interceptor, goal{}),
	}, nil
}

// oversized returns a token over the limit.
func (r *report) oversized() string {
	return r.mint.Token(keyset.ES256, jwttest.Claim("tenant", strings.Repeat("x", 16<<10)))
}

// withUnknownKid returns a token of which all is well but the id of its key.
func (r *report) withUnknownKid() string {
	return r.mint.Token(keyset.ES256, jwttest.Header("kid", "2031-01-unknown"))
}

// unknownKid is about a token whose key nobody knows.
func unknownKid(r *report) ([]line, error) {
	raw := r.withUnknownKid()
	samples, err := r.refusals(raw, contender.All()[:2])
	if err != nil {
		return nil, err
	}
	verify, interceptor := samples["verify "+contender.Ours], samples["interceptor "+contender.Ours]
	return []line{
		ratio("refuse_unknown_kid_ratio", verify, samples["verify usual"], atMost(0.2)),
		nanoseconds("refuse_unknown_kid_ns", verify, goal{}),
		allocations("refuse_unknown_kid_allocs", verify, goal{}),
		nanoseconds("refuse_unknown_kid_usual_ns", samples["verify usual"], goal{}),
		ratio("refuse_unknown_kid_interceptor_ratio", interceptor, samples["interceptor usual"], goal{}),
		nanoseconds("refuse_unknown_kid_interceptor_ns", interceptor, goal{}),
		allocations("refuse_unknown_kid_interceptor_allocs", interceptor, goal{}),
	}, nil
}

// refusals races contenders that refuse a token.
func (r *report) refusals(raw string, entries []contender.Entry) (samples map[string][]sample, err error) {
	err = calls.Inside(raw, func(ctx context.Context, info *grpc.UnaryServerInfo) error {
		works, err := r.refusers(ctx, info, raw, entries)
		if err != nil {
			return err
		}
		samples, err = r.race(works...)
		return err
	})
	return samples, err
}

// refusers returns contenders that refuse a token, by Verify alone and by the whole
// interceptor of the call that came with it.
func (r *report) refusers(ctx context.Context, info *grpc.UnaryServerInfo, raw string, entries []contender.Entry) ([]work, error) {
	var works []work
	for _, entry := range entries {
		c, err := entry.New(r.mint.Trust())
		if err != nil {
			return nil, err
		}
		verify := func() error {
			_, err := c.Verify(ctx, raw)
			return err
		}
		works = append(works,
			work{name: "verify " + entry.Name, run: refused(verify)},
			work{name: "interceptor " + entry.Name, run: refused(turnedAway(calls.Quiet(ctx), info, c.UnaryInterceptor()))})
	}
	return works, nil
}

// turnedAway returns how an interceptor answers.
func turnedAway(ctx context.Context, info *grpc.UnaryServerInfo, intercept grpc.UnaryServerInterceptor) func() error {
	return func() error {
		_, err := intercept(ctx, nil, info, calls.Answer)
		return err
	}
}

var errLetIn = errors.New("a bad token was let in")

// refused does something that must fail.
func refused(do func() error) func(ops int) error {
	return func(ops int) error {
		for range ops {
			if do() == nil {
				return errLetIn
			}
		}
		return nil
	}
}

// body is what a payload is filled with.
type body struct {
	name  string
	claim any
}

// bodies are small, long, and dear to whoever parses them before looking at the
// signature.
func bodies() []body {
	members := make(map[string]int)
	for i := range 700 {
		members[fmt.Sprintf("m%04d", i)] = i
	}
	return []body{
		{"1k", "x"},
		{"4k", strings.Repeat("x", 3000)},
		{"12k", strings.Repeat("x", 8000)},
		{"members", members},
	}
}

// badSignatures compares tokens whose signature doesn't hold with good ones of the
// same size, verified for the first time.
func badSignatures(r *report) ([]line, error) {
	worst := line{name: "refuse_badsig_ratio", unit: "ratio", goal: atMost(1.1)}
	var all []line
	for _, alg := range []keyset.Algorithm{keyset.ES256, keyset.HS256} {
		for _, body := range bodies() {
			tokens := r.mint.Tokens(alg, max(200/r.effort, 1), jwttest.Claim("tenant", body.claim))
			l, err := r.badSignature("refuse_badsig_"+lower(alg)+"_"+body.name+"_ratio", tokens)
			if err != nil {
				return nil, err
			}
			all = append(all, l)
			worst = worse(worst, l)
		}
	}
	return append([]line{worst}, all...), nil
}

// worse returns worst with the values of l, if their median is higher.
func worse(worst, l line) line {
	_, before, _ := quartiles(worst.values)
	if _, now, _ := quartiles(l.values); now > before {
		worst.values, worst.wall = l.values, l.wall
	}
	return worst
}

// badSignature compares spoiled tokens with good ones.
func (r *report) badSignature(name string, tokens []string) (line, error) {
	spoiled := make([]string, len(tokens))
	for i, raw := range tokens {
		spoiled[i] = jwttest.Tamper(raw)
	}
	c, err := contender.NewJWTRelay(r.mint.Trust())
	if err != nil {
		return line{}, err
	}
	samples, err := r.race(
		r.atWork(tokens),
		work{name: "bad", ops: len(spoiled), run: func(int) error { return refuseAll(c, spoiled) }})
	if err != nil {
		return line{}, err
	}
	return ratio(name, samples["bad"], samples[contender.Ours], goal{}), nil
}

// refuseAll verifies bad tokens.
func refuseAll(c contender.Contender, tokens []string) error {
	letIn := func(raw string) bool {
		_, err := c.Verify(context.Background(), raw)
		return err == nil
	}
	if slices.ContainsFunc(tokens, letIn) {
		return errLetIn
	}
	return nil
}
