package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/jwtrelay/jwtrelay/benchmarks/calls"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// wireToken is how long the token is whose bytes on the wire are counted.
const wireToken = 640

// wire counts what a caller writes for one call, before TLS: without a token, with one
// that this connection has not seen, and with the same again, for which HTTP/2 has a
// table (RFC 7541) of 4 KiB.
func wire(r *report) ([]line, error) {
	raw, err := r.tokenOf(wireToken)
	if err != nil {
		return nil, err
	}
	lines := []line{
		{name: "wire_bytes_per_call_none", unit: "B"},
		{name: "wire_bytes_per_call_first", unit: "B"},
		{name: "wire_bytes_per_call_repeated", unit: "B"},
	}
	for range r.passes {
		counts, err := writtenFor(context.Background(), calls.As(context.Background(), raw), calls.As(context.Background(), raw))
		if err != nil {
			return nil, err
		}
		for i := range lines {
			lines[i].values = append(lines[i].values, counts[i])
		}
	}
	return lines, nil
}

// writtenFor counts the bytes of each of these calls, made over one connection.
func writtenFor(users ...context.Context) (counts []float64, err error) {
	var written atomic.Int64
	chain, err := calls.NewChain(calls.InMemory{Written: &written}, calls.Auth{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, chain.Close()) }()
	for range 10 { // until gRPC has seen the connection's speed and sends no more pings
		if err := chain.Call(context.Background()); err != nil {
			return nil, err
		}
	}
	for _, user := range users {
		before := written.Load()
		if err := chain.Call(user); err != nil {
			return nil, err
		}
		counts = append(counts, float64(written.Load()-before))
	}
	return counts, nil
}

// tokenOf returns a token of so many bytes, short by two at most: base64 has no
// others.
func (r *report) tokenOf(bytes int) (string, error) {
	for padding := range bytes {
		raw := r.mint.Token(keyset.EdDSA, jwttest.Without("roles"), jwttest.Claim("tenant", strings.Repeat("x", padding)))
		if len(raw) > bytes-2 {
			return raw, nil
		}
	}
	return "", fmt.Errorf("no token of %d bytes", bytes)
}
