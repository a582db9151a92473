//go:build soak

package keyset_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

const soakAlgorithm = keyset.ES256

// soakFault is a way in which the issuer goes wrong for a while.
type soakFault struct {
	name      string
	requests  int  // that one fetch makes of one document, at most
	discovery bool // it is a lie of the discovery document
	move      bool // the keys are elsewhere, and the document says where
	begin     func(at ...jwttest.Endpoint)
	end       func()
}

// soakFaults returns all of jwttest, and some that need a parameter.
func soakFaults(issuer *jwttest.Issuer) []soakFault {
	recovered := func() { issuer.Recover() }
	requests := map[jwttest.Fault]int{
		"redirect loop": 1 + maxRedirects,
		"disconnect":    2, // an http.Transport tries again if the connection isn't new
	}
	var faults []soakFault
	for _, fault := range jwttest.Faults() {
		faults = append(faults, soakFault{
			name: string(fault), requests: max(requests[fault], 1), end: recovered,
			begin: func(at ...jwttest.Endpoint) { issuer.Misbehave(fault, at...) },
		})
	}
	later := http.Header{"Retry-After": {strconv.Itoa(int(retryAfter.Seconds()))}}
	say := func(name, keys string) {
		issuer.SetDiscovery("issuer", name)
		issuer.SetDiscovery("jwks_uri", keys)
	}
	move := func(path string) {
		issuer.MoveJWKS(path)
		say(issuer.URL(), issuer.JWKSURL())
	}
	lie := func(about, name, keys string) soakFault {
		return soakFault{
			name: "a lie: " + about, requests: 1, discovery: true,
			begin: func(...jwttest.Endpoint) { say(name, keys) },
			end:   func() { say(issuer.URL(), issuer.JWKSURL()) },
		}
	}
	astray := issuer.URL() + "/nothing"
	return append(faults,
		soakFault{name: "503 with Retry-After", requests: 1, end: recovered, begin: func(at ...jwttest.Endpoint) {
			issuer.FailWith(http.StatusServiceUnavailable, later, at...)
		}},
		soakFault{
			name: "a move of the keys", requests: 1, move: true,
			begin: func(...jwttest.Endpoint) { move("/keys/2") },
			end:   func() { move("/jwks.json") },
		},
		lie("another issuer", issuer.URL()+"/other", astray),
		lie("keys that aren't there", issuer.URL(), astray),
		lie("keys at an unfit URL", issuer.URL(), "http://elsewhere.test/jwks.json"),
	)
}

// where draws the endpoints at which it is committed.
func (f soakFault) where(random *rand.Rand) []jwttest.Endpoint {
	n := random.IntN(4)
	switch {
	case f.move:
		return []jwttest.Endpoint{jwttest.JWKS}
	case f.discovery, n == 0:
		return []jwttest.Endpoint{jwttest.Discovery}
	case n == 1:
		return []jwttest.Endpoint{jwttest.JWKS, jwttest.Discovery}
	default:
		return []jwttest.Endpoint{jwttest.JWKS}
	}
}

// condition returns how the source of s is under the fault at these endpoints.
func (f soakFault) condition(s *soakSource, at []jwttest.Endpoint) condition {
	touchesKeys := slices.Contains(at, jwttest.JWKS)
	switch span := s.health.now(); {
	case !touchesKeys && !s.discovers, f.move && s.discovers:
		return well
	case touchesKeys:
		return ill
	case f.name == "a lie: keys that aren't there":
		return unclear // it is as long as nobody looks
	case s.patient() && span.condition == well && time.Since(span.from) > s.windows.recovered:
		return well // the keys are known to be where they were
	default:
		return unclear
	}
}

// rotation publishes and withdraws keys.
type rotation struct {
	issuer *jwttest.Issuer
	feed   *feed
	random *rand.Rand
	deck   atomic.Pointer[deck]
	count  atomic.Int64
}

// maxWithdrawn bounds how many withdrawn keys are remembered.
const maxWithdrawn = 8

// begin replaces the issuer's first key by one of ours.
func (r *rotation) begin() error {
	r.issuer.Withdraw(r.issuer.Key(soakAlgorithm))
	key, err := r.publish()
	r.deck.Store(&deck{published: []*soakKey{key}})
	return err
}

// run rotates until ctx ends. Half of the keys are published ahead of their use.
func (r *rotation) run(ctx context.Context) error {
	for {
		key, err := r.publish()
		if err != nil {
			return err
		}
		ahead := r.random.IntN(2) == 0
		if ahead && !goesOn(ctx, between(r.random, 300*time.Millisecond, 2500*time.Millisecond)) {
			return nil
		}
		d := r.deck.Load()
		r.deck.Store(&deck{published: append(slices.Clone(d.published), key), withdrawn: d.withdrawn})
		r.count.Add(1)
		if !goesOn(ctx, between(r.random, 300*time.Millisecond, 4*time.Second)) {
			return nil
		}
		if err := r.withdraw(); err != nil {
			return err
		}
		if !goesOn(ctx, between(r.random, 0, 2*time.Second)) {
			return nil
		}
	}
}

func (r *rotation) publish() (*soakKey, error) {
	const forLong = 24 * time.Hour
	key := jwttest.NewKey(jwttest.NoTest{}, soakAlgorithm)
	signed := []jwttest.TokenOption{jwttest.SignedBy(key), jwttest.ExpiresIn(forLong)}
	next := &soakKey{
		key: key, good: r.issuer.Token(signed...), forged: r.issuer.Token(append(signed, jwttest.Forged())...),
	}
	r.issuer.Publish(key)
	err := r.feed.update()
	next.published = time.Now()
	return next, err
}

// withdraw withdraws the oldest key.
func (r *rotation) withdraw() error {
	d := r.deck.Load()
	old, before := d.published[0], time.Now()
	withdrawn := append(slices.Clone(d.withdrawn), old)
	if len(withdrawn) > maxWithdrawn {
		withdrawn = withdrawn[1:]
	}
	old.leaving.Store(&before)
	r.issuer.Withdraw(old.key)
	err := r.feed.update()
	after := time.Now()
	old.left.Store(&after)
	r.deck.Store(&deck{published: d.published[1:], withdrawn: withdrawn})
	return err
}

// goesOn waits, and reports whether the soak is not over then.
func goesOn(ctx context.Context, d time.Duration) bool { return sleep(ctx, d) == nil }

// between draws a time.
func between(random *rand.Rand, shortest, longest time.Duration) time.Duration {
	return shortest + time.Duration(random.Int64N(int64(longest-shortest)+1))
}
