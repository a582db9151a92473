package main

import (
	"context"
	"math"

	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// coldGoals are the most that verifying may cost, in bare checks.
func coldGoals() map[keyset.Algorithm]goal {
	return map[keyset.Algorithm]goal{
		keyset.RS256: atMost(1.12), keyset.ES256: atMost(1.08), keyset.EdDSA: atMost(1.12), keyset.HS256: atMost(12),
	}
}

// corpus is how many tokens are verified in a pass.
func (r *report) corpus(alg keyset.Algorithm) int {
	if alg == keyset.HS256 { // it is a hundred times as fast
		return max(8000/r.effort, 1)
	}
	return max(400/r.effort, 1)
}

// cold verifies tokens that were never seen. The cache of ours is full, as that of a
// service at work is, so that it pays for putting each token in and another out. An
// empty one grows besides, and is shown, too.
func cold(r *report, alg keyset.Algorithm) ([]line, error) {
	works, err := r.firstTimes(alg)
	if err != nil {
		return nil, err
	}
	samples, err := r.race(works...)
	if err != nil {
		return nil, err
	}
	name := "cold_" + lower(alg)
	lines := []line{
		ratio(name+"_ratio", samples[contender.Ours], samples["bare"], coldGoals()[alg]),
		aheadOfPeers(name+"_vs_best_peer_ratio", samples),
		nanoseconds(name+"_ns", samples[contender.Ours], goal{}),
		nanoseconds(name+"_bare_ns", samples["bare"], goal{}),
		allocations(name+"_allocs", samples[contender.Ours], goal{}),
		allocations(name+"_bare_allocs", samples["bare"], goal{}),
		ratio(name+"_empty_cache_ratio", samples["empty cache"], samples["bare"], goal{}),
	}
	for _, peer := range contender.All()[1:] {
		lines = append(lines,
			ratio(name+"_"+peer.Name+"_ratio", samples[peer.Name], samples["bare"], goal{}),
			nanoseconds(name+"_"+peer.Name+"_ns", samples[peer.Name], goal{}),
			allocations(name+"_"+peer.Name+"_allocs", samples[peer.Name], goal{}))
	}
	return lines, nil
}

// firstTimes returns the floor and all contenders, with the same tokens.
func (r *report) firstTimes(alg keyset.Algorithm) ([]work, error) {
	tokens := r.mint.Tokens(alg, r.corpus(alg))
	floor, err := newBare(r.mint.Key(alg), tokens)
	if err != nil {
		return nil, err
	}
	ours, peers := contender.All()[0], contender.All()[1:]
	works := []work{
		{name: "bare", ops: len(tokens), run: floor.run},
		r.atWork(tokens),
		r.firstTime("empty cache", ours.New, tokens, r.mint.Tokens(alg, 1)),
	}
	for _, peer := range peers {
		works = append(works, r.firstTime(peer.Name, peer.New, tokens, r.mint.Tokens(alg, 1)))
	}
	return works, nil
}

// atWork is ours with a full cache, which meets tokens for the first time. The cache is
// smaller than by default, so that it is soon full.
func (r *report) atWork(tokens []string) work {
	size := token.CacheSize((8 << 20) / r.effort)
	withCache := func(trust contender.Trust) (contender.Contender, error) {
		return contender.NewJWTRelayWith(trust, size)
	}
	return r.firstTime(contender.Ours, withCache, tokens, r.mint.Tokens(keyset.HS256, 6000/r.effort))
}

// firstTime is a contender that meets tokens for the first time: in each pass it is a
// new one, which has met those of before only.
func (r *report) firstTime(name string, anew func(contender.Trust) (contender.Contender, error), tokens, before []string) work {
	var c contender.Contender
	return work{
		name: name,
		ops:  len(tokens),
		prepare: func() (err error) {
			if c, err = anew(r.mint.Trust()); err != nil {
				return err
			}
			return verifyAll(c, before)
		},
		run: func(ops int) error { return verifyAll(c, tokens[:ops]) },
	}
}

// verifyAll verifies good tokens.
func verifyAll(c contender.Contender, tokens []string) error {
	for _, raw := range tokens {
		if _, err := c.Verify(context.Background(), raw); err != nil {
			return err
		}
	}
	return nil
}

// aheadOfPeers compares ours with whichever peer was fastest in a pass.
func aheadOfPeers(name string, samples map[string][]sample) line {
	best := make([]sample, len(samples["bare"]))
	for pass := range best {
		best[pass] = sample{cpu: math.Inf(1), wall: math.Inf(1)}
		for _, peer := range contender.All()[1:] {
			best[pass].cpu = min(best[pass].cpu, samples[peer.Name][pass].cpu)
			best[pass].wall = min(best[pass].wall, samples[peer.Name][pass].wall)
		}
	}
	return ratio(name, samples[contender.Ours], best, atMost(1))
}
