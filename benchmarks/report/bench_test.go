package main

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/benchmarks/calls"
	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
	"github.com/jwtrelay/jwtrelay/benchmarks/issuer"
)

// forBenchmarks returns a report that makes works, and leaves measuring to testing.
func forBenchmarks(b *testing.B) *report {
	b.Helper()
	r := newReport(1, false)
	r.mint = issuer.New(b)
	return r
}

// race gives each work a benchmark of its own.
func race(b *testing.B, works []work, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	for _, w := range works {
		b.Run("by="+strings.ReplaceAll(w.name, " ", "-"), func(b *testing.B) { repeat(b, w) })
	}
}

// repeat does a work b.N times, and what prepares it off the clock.
func repeat(b *testing.B, w work) {
	b.ReportAllocs()
	for left := b.N; left > 0; {
		ops := left
		if w.ops > 0 {
			ops = min(left, w.ops)
		}
		b.StopTimer()
		if w.prepare != nil {
			if err := w.prepare(); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if err := w.run(ops); err != nil {
			b.Fatal(err)
		}
		left -= ops
	}
}

// BenchmarkCold verifies tokens for the first time.
func BenchmarkCold(b *testing.B) {
	r := forBenchmarks(b)
	for _, alg := range issuer.Algorithms() {
		b.Run("alg="+string(alg), func(b *testing.B) {
			works, err := r.firstTimes(alg)
			race(b, works, err)
		})
	}
}

// BenchmarkWarm runs whole interceptors that have seen the token before.
func BenchmarkWarm(b *testing.B) {
	r := forBenchmarks(b)
	for _, alg := range issuer.Algorithms() {
		b.Run("alg="+string(alg), func(b *testing.B) {
			inside(b, r.mint.Token(alg), func(ctx context.Context, info *grpc.UnaryServerInfo) {
				works, err := r.passages(ctx, info, contender.All())
				race(b, works, err)
			})
		})
	}
}

// BenchmarkRefuse says no. Peers know no limit for the size of a token.
func BenchmarkRefuse(b *testing.B) {
	r := forBenchmarks(b)
	for _, what := range []struct {
		name string
		raw  string
		by   []contender.Entry
	}{
		{"oversize", r.oversized(), contender.All()[:1]},
		{"unknown-kid", r.withUnknownKid(), contender.All()},
	} {
		b.Run("what="+what.name, func(b *testing.B) {
			inside(b, what.raw, func(ctx context.Context, info *grpc.UnaryServerInfo) {
				works, err := r.refusers(ctx, info, what.raw, what.by)
				race(b, works, err)
			})
		})
	}
}

// inside runs benchmarks within a call.
func inside(b *testing.B, raw string, work func(ctx context.Context, info *grpc.UnaryServerInfo)) {
	b.Helper()
	err := calls.Inside(raw, func(ctx context.Context, info *grpc.UnaryServerInfo) error {
		work(ctx, info)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkHop calls a service under load.
func BenchmarkHop(b *testing.B) {
	r := forBenchmarks(b)
	sides, err := r.hops()
	if err != nil {
		b.Fatal(err)
	}
	load(b, r, calls.InMemory{}, 64, sides)
}

// BenchmarkChain calls four services in a row.
func BenchmarkChain(b *testing.B) {
	r := forBenchmarks(b)
	network, err := calls.NewLoopback()
	if err != nil {
		b.Fatal(err)
	}
	sides, err := r.chains()
	if err != nil {
		b.Fatal(err)
	}
	load(b, r, network, 8, sides)
}

// load runs benchmarks of chains.
func load(b *testing.B, r *report, network calls.Network, callers int, sides []side) {
	b.Helper()
	works, end, err := r.start(network, callers, sides...)
	if err != nil {
		b.Fatal(err)
	}
	race(b, works, nil)
	if err := end(); err != nil {
		b.Error(err)
	}
}
