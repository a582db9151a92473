package main

import (
	"runtime"
	"strings"

	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// memory measures what a token takes in a cache that has many.
func memory(r *report) ([]line, error) {
	tokens := r.mint.Tokens(keyset.ES256, 10_000/r.effort)
	l := line{name: "cache_bytes_per_token", unit: "B", goal: atMost(2048)}
	for range min(r.passes, 3) { // it is the same each time, but for little
		bytes, err := r.cached(tokens)
		if err != nil {
			return nil, err
		}
		l.values = append(l.values, bytes/float64(len(tokens)))
	}
	return []line{l, {name: "cache_token_length", unit: "B", values: []float64{float64(len(tokens[0]))}}}, nil
}

// cached returns how many bytes a verifier takes that has verified these tokens.
func (r *report) cached(tokens []string) (float64, error) {
	before := heap()
	ours, err := contender.NewJWTRelay(r.mint.Trust())
	if err != nil {
		return 0, err
	}
	for _, raw := range tokens {
		// As in a call: what gRPC read from the connection is a string of its own, and
		// gone after the call unless somebody holds on to it.
		if err := verifyAll(ours, []string{strings.Clone(raw)}); err != nil {
			return 0, err
		}
	}
	after := heap()
	runtime.KeepAlive(ours)
	return float64(after) - float64(before), nil
}

// heap returns how many bytes are in use.
func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // what has a finalizer, or was in a sync.Pool, takes two
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
