package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
	"github.com/jwtrelay/jwtrelay/benchmarks/issuer"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// What is simulated: one instance of a service that many users call.
const (
	population = 1_000_000
	callRate   = 2_000 // calls a second, of all users
	renewal    = 15 * time.Minute
	frequent   = 50_000 // how many users call often
)

// zipfHits finds how often a token is in the default cache, when a million users call
// by Zipf's law and each has a new token every 15 minutes, not all at the same moment.
//
// The verifier and its cache are the real ones, and so are the tokens, but signed with
// HS256: millions of signatures of the others take minutes. A token takes as much of
// the cache as an ES256 one but for 43 bytes of signature. Time is simulated. The
// first 15 minutes fill the cache, the next 15 are counted. What a cache without
// bounds would find is counted beside: no cache knows a token when it is new.
func zipfHits(r *report) ([]line, error) {
	s := newSimulation(r.mint.Key(keyset.HS256))
	ours, err := contender.NewJWTRelayWith(r.mint.Trust(), token.WithClock(s.clock), token.WithObserver(s))
	if err != nil {
		return nil, err
	}
	window := renewal / time.Duration(r.effort)
	if err := s.run(ours, window); err != nil {
		return nil, err
	}
	s.calls, s.hits, s.repeats = 0, 0, 0
	if err := s.run(ours, window); err != nil {
		return nil, err
	}
	hits, repeats := float64(s.hits)/float64(s.calls), float64(s.repeats)/float64(s.calls)
	return append([]line{
		{name: "zipf_hit_ratio_1M", unit: "of calls", values: []float64{hits}},
		{name: "zipf_hit_ratio_1M_boundless", unit: "of calls", values: []float64{repeats}},
	}, r.meanCosts(hits)...), nil
}

// meanCosts returns what a call costs on average at this ratio, for the algorithms
// that were measured before. Who meets a token for the first time verifies it and does
// all that there is to do for one seen before.
func (r *report) meanCosts(hits float64) []line {
	warm, ok := r.lines.median("warm_interceptor_ns")
	if !ok {
		return nil
	}
	var lines []line
	for _, alg := range issuer.Algorithms() {
		if cold, ok := r.lines.median("cold_" + lower(alg) + "_ns"); ok {
			mean := hits*warm + (1-hits)*(warm+cold)
			lines = append(lines, line{name: "zipf_mean_cost_" + lower(alg) + "_ns", unit: "ns", values: []float64{mean}})
		}
	}
	return lines
}

// minted is a token of a user.
type minted struct {
	issued int64
	raw    string // of those who call often: signing it each time takes longer than all else
}

// simulation is a service's day in less time. It is for one goroutine.
type simulation struct {
	now    time.Time
	key    *jwttest.Key
	header string
	draw   zipf
	random *rand.Rand

	last []minted // by user; the zero value for none

	calls, hits, repeats int
}

func newSimulation(key *jwttest.Key) *simulation {
	return &simulation{
		now:    time.Unix(1_800_000_000, 0),
		key:    key,
		header: fmt.Sprintf(`{"alg":"HS256","kid":%q,"typ":"JWT"}`, key.ID()),
		draw:   newZipf(population),
		last:   make([]minted, population),
		random: rand.New(rand.NewPCG(1, 2)), //nolint:gosec // the same calls each time
	}
}

// clock is the verifier's.
func (s *simulation) clock() time.Time { return s.now }

// Verified implements [token.Observer].
func (s *simulation) Verified(_ context.Context, v token.Verification) {
	s.calls++
	if v.Cached {
		s.hits++
	}
}

// run lets users call for so long.
func (s *simulation) run(c contender.Contender, long time.Duration) error {
	for end := s.now.Add(long); s.now.Before(end); s.now = s.now.Add(time.Second / callRate) {
		if _, err := c.Verify(context.Background(), s.token(s.draw.next(s.random))); err != nil {
			return err
		}
	}
	return nil
}

// token returns the one that a user has now. Users renew at moments of their own.
func (s *simulation) token(user int) string {
	life := int64(renewal / time.Second)
	moment := int64(user) * 7919 % life // spread, whoever calls most
	issued := (s.now.Unix()-moment)/life*life + moment
	last := &s.last[user]
	if last.issued == issued {
		s.repeats++
		if last.raw != "" {
			return last.raw
		}
	}
	raw := s.mint(user, issued, life)
	*last = minted{issued: issued}
	if user < frequent {
		last.raw = raw
	}
	return raw
}

// mint signs a token.
func (s *simulation) mint(user int, issued, life int64) string {
	return s.key.Sign(s.header, fmt.Sprintf(`{"aud":%q,"client_id":"web-shop","exp":%d,"iat":%d,"iss":%q,`+
		`"jti":"%016x%010d","nbf":%d,"roles":["customer","reviewer","wholesale","early-access-2026","beta"],`+
		`"scope":"openid orders.read orders.write","sub":%q,"tenant":"d7c1b7f0-8f5e-4a53-9c0e-6b1f0c7a2e94"}`,
		issuer.Audience, issued+life, issued, issuer.URL, user, issued, issued, issuer.User(user)))
}
