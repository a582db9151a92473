//go:build !race

package keyset_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// These tests are the numbers in doc.go, "What a fleet costs the issuer": a
// fleet of replicas, each with a set of its own and the defaults, against one
// issuer that counts, in fake time. All is counted as for fleetSize replicas; there
// are so many with the build tag fleet, and else as many as a quick test can have.
// The race detector breaks down under so many goroutines, and has other tests.
const fleetSize = 10_000

// scale is what one request counts.
const scale = float64(fleetSize) / replicas

// Where the issuer of a fleet is.
const (
	fleetIssuer = "https://id.example.com"
	keysPath    = "/jwks"
)

// counter is an issuer that counts its requests by the second. It says 304 when
// it can, as issuers do.
type counter struct {
	mu       sync.Mutex
	began    time.Time
	down     bool
	keys     []byte
	tag      string
	requests map[int]int // by second
	document bool        // whether those for the discovery document are counted instead
}

func newCounter(keys ...jwk) *counter {
	c := &counter{began: time.Now(), requests: make(map[int]int)}
	c.publish(keys...)
	return c
}

func (c *counter) publish(keys ...jwk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys = jwks(keys...)
	c.tag = fmt.Sprintf("%q", fmt.Sprint(len(c.keys), time.Since(c.began)))
}

func (c *counter) goes(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

func (c *counter) RoundTrip(request *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	isDocument := request.URL.Path != keysPath
	if isDocument == c.document {
		c.requests[c.second()]++
	}
	r := response(request, http.StatusOK, http.NoBody)
	if c.down {
		r.StatusCode = http.StatusServiceUnavailable
		return r, nil
	}
	if isDocument {
		r.Body = io.NopCloser(strings.NewReader(`{"issuer":"` + fleetIssuer + `","jwks_uri":"` + fleetIssuer + keysPath + `"}`))
		return r, nil
	}
	r.Header.Set("ETag", c.tag)
	if request.Header.Get("If-None-Match") == c.tag {
		r.StatusCode = http.StatusNotModified
		return r, nil
	}
	r.Body = io.NopCloser(bytes.NewReader(c.keys))
	return r, nil
}

func (c *counter) second() int { return int(time.Since(c.began) / time.Second) }

// during lets do run, or time pass, and returns the load on the issuer
// meanwhile.
func (c *counter) during(do func()) load {
	c.mu.Lock()
	from := c.second()
	clear(c.requests)
	c.mu.Unlock()
	do()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	l := load{seconds: max(c.second()-from, 1)}
	for _, n := range c.requests {
		l.total += float64(n) * scale
		l.peak = max(l.peak, float64(n)*scale)
	}
	return l
}

// load is how many requests came, for a fleet of fleetSize.
type load struct {
	total, peak float64 // peak is that of the busiest second
	seconds     int
}

func (l load) mean() float64 { return l.total / float64(l.seconds) }

// fleet runs test with a fleet whose replicas start one after the other within
// the given time, in a bubble.
func fleet(t *testing.T, within time.Duration, issuer func(c *counter), test func(t *testing.T, sets []*keyset.Remote, c *counter, start load)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(edJWK().named("a"))
		if issuer != nil {
			issuer(c)
		}
		config := keyset.RemoteConfig{Client: &http.Client{Transport: c}, Logger: slog.New(slog.DiscardHandler)}
		sets := make([]*keyset.Remote, replicas)
		start := c.during(func() {
			for i := range sets {
				if c.document {
					sets[i] = must(keyset.Discover(fleetIssuer, config))
				} else {
					sets[i] = must(keyset.Fetch(fleetIssuer+keysPath, config))
				}
				time.Sleep(within / replicas)
			}
		})
		t.Cleanup(func() {
			for _, set := range sets {
				_ = set.Close()
			}
		})
		test(t, sets, c, start)
	})
}

// spread is the time within which a fleet starts whose replicas are at no
// particular point of their lives: that of one refresh.
const spread = 510 * time.Second

// wantAbout checks a number of doc.go.
func wantAbout(t *testing.T, what string, got, want float64) {
	t.Helper()
	t.Logf("%s: %.1f, the page says %.1f", what, got, want)
	if got < want*0.85 || got > want*1.15 {
		t.Errorf("%s: %.1f, the page says %.1f", what, got, want)
	}
}

// wantAtMost checks a bound of doc.go, which is no more than twice what there is.
// What a few hundred replicas do by chance is not taken for what ten thousand would.
func wantAtMost(t *testing.T, what string, got, most float64) {
	t.Helper()
	t.Logf("%s: %.1f, the page says at most %.1f", what, got, most)
	least := most / 2
	if scale > 1 {
		most += 5 * math.Sqrt(most*scale)
	}
	if got > most || got < least {
		t.Errorf("%s: %.1f, the page says at most %.1f", what, got, most)
	}
}

// each does something with all sets at once.
func each(sets []*keyset.Remote, do func(set *keyset.Remote)) {
	var group sync.WaitGroup
	for _, set := range sets {
		group.Go(func() { do(set) })
	}
	group.Wait()
}

// strangers send a made-up id to each set, once a second.
func strangers(t *testing.T, sets []*keyset.Remote, d time.Duration) {
	t.Helper()
	each(sets, func(set *keyset.Remote) {
		for i := range int(d / time.Second) {
			_, _ = set.Key(t.Context(), fmt.Sprint("stranger ", i), keyset.EdDSA)
			time.Sleep(time.Second)
		}
	})
}

func TestFleetThatStartsInOneMoment(t *testing.T) {
	t.Parallel()
	fleet(t, 0, nil, func(t *testing.T, _ []*keyset.Remote, c *counter, start load) {
		wantAbout(t, "start, requests", start.total, 10_000)
		wave := c.during(func() { time.Sleep(10 * time.Minute) })
		wantAbout(t, "first refresh, requests", wave.total, 10_000)
		wantAtMost(t, "first refresh, in a second", wave.peak, 130)
		time.Sleep(2 * time.Hour)
		steady := c.during(func() { time.Sleep(time.Hour) })
		wantAbout(t, "steady state, a second", steady.mean(), 20)
		wantAtMost(t, "steady state, in a second", steady.peak, 60)
	})
}

func TestFleetThatDiscovers(t *testing.T) {
	t.Parallel()
	documents := func(c *counter) { c.document = true }
	fleet(t, time.Hour, documents, func(t *testing.T, sets []*keyset.Remote, c *counter, start load) {
		wantAbout(t, "documents at the start, a second", start.mean(), 10_000.0/3600)
		steady := c.during(func() { time.Sleep(time.Hour) })
		wantAbout(t, "documents in the steady state, a second", steady.mean(), 3)
		attack := c.during(func() { strangers(t, sets, 5*time.Minute) })
		wantAbout(t, "documents under strangers, a second", attack.mean(), 170)
		c.goes(true)
		time.Sleep(10 * time.Minute)
		outage := c.during(func() { time.Sleep(5 * time.Minute) })
		wantAbout(t, "documents during an outage, a second", outage.mean(), 110)
	})
}

func TestFleetDuringARotation(t *testing.T) {
	t.Parallel()
	fleet(t, spread, nil, func(t *testing.T, sets []*keyset.Remote, c *counter, start load) {
		wantAbout(t, "start over some minutes, a second", start.mean(), 20)
		c.publish(edJWK().named("a"), otherEdJWK().named("b")) // and signs with it 10 minutes later
		announced := c.during(func() { time.Sleep(10 * time.Minute) })
		wantAbout(t, "announced, a second", announced.mean(), 20)
		used := c.during(func() {
			each(sets, func(set *keyset.Remote) { mustKey(t, set, "b") })
		})
		if used.total != 0 {
			t.Errorf("announced: %v requests for the new key", used.total)
		}

		c.publish(edJWK().named("a"), otherEdJWK().named("c")) // and signs with it at once
		unannounced := c.during(func() {
			each(sets, func(set *keyset.Remote) {
				time.Sleep(rand.N(10 * time.Second)) //nolint:gosec // when users come guards nothing
				for range 10 {
					mustKey(t, set, "c")
				}
			})
		})
		wantAbout(t, "unannounced, requests", unannounced.total, 10_000)
		wantAtMost(t, "unannounced, in a second", unannounced.peak, 1_200)
	})
}

func TestFleetUnderStrangersIDs(t *testing.T) {
	t.Parallel()
	fleet(t, spread, nil, func(t *testing.T, sets []*keyset.Remote, c *counter, _ load) {
		attack := c.during(func() { strangers(t, sets, time.Minute) })
		wantAbout(t, "strangers, requests of a replica in a minute", attack.total/fleetSize, 3+60/5)
	})
}

func TestFleetThatIsSentAWithdrawnID(t *testing.T) {
	t.Parallel()
	fleet(t, spread, nil, func(t *testing.T, sets []*keyset.Remote, c *counter, _ load) {
		withdrawn := c.during(func() {
			each(sets, func(set *keyset.Remote) {
				for range 60 {
					_, _ = set.Key(t.Context(), "withdrawn", keyset.EdDSA)
					time.Sleep(10 * time.Second)
				}
			})
		})
		perReplica := withdrawn.total/fleetSize - 600.0/510 // which refreshes make
		wantAtMost(t, "a withdrawn id, requests of a replica in 10 minutes", perReplica, 22)
	})
}

func TestFleetDuringAnOutage(t *testing.T) {
	t.Parallel()
	fleet(t, spread, nil, func(t *testing.T, sets []*keyset.Remote, c *counter, _ load) {
		c.goes(true)
		begin := c.during(func() { time.Sleep(10 * time.Minute) })
		wantAtMost(t, "outage begins, in a second", begin.peak, 380)
		during := c.during(func() { time.Sleep(2 * time.Minute) })
		wantAbout(t, "outage, a second", during.mean(), 222)
		asked := c.during(func() {
			each(sets, func(set *keyset.Remote) { _, _ = set.Key(t.Context(), "stranger", keyset.EdDSA) })
		})
		if asked.total != 0 {
			t.Errorf("outage: %v requests for strangers' ids", asked.total)
		}
		c.goes(false)
		back := c.during(func() { time.Sleep(time.Minute) })
		wantAbout(t, "recovery, requests in the first minute", back.total, 10_000)
		wantAtMost(t, "recovery, in a second", back.peak, 300)
		if failing := slices.IndexFunc(sets, func(set *keyset.Remote) bool { return set.Status().Failures > 0 }); failing >= 0 {
			t.Errorf("replica %d has not recovered", failing)
		}
		wave := c.during(func() { time.Sleep(10 * time.Minute) })
		wantAtMost(t, "the refresh after it, in a second", wave.peak, 130)
	})
}

func TestFleetThatStartsDuringAnOutage(t *testing.T) {
	t.Parallel()
	down := func(c *counter) { c.goes(true) }
	fleet(t, 0, down, func(t *testing.T, sets []*keyset.Remote, c *counter, start load) {
		minute := c.during(func() { time.Sleep(time.Minute) })
		wantAtMost(t, "start, requests of a replica in the first minute", (start.total+minute.total)/fleetSize, 8)
		time.Sleep(2 * time.Minute)
		during := c.during(func() { time.Sleep(2 * time.Minute) })
		wantAtMost(t, "then, in a second", during.peak, 400)
		c.goes(false)
		time.Sleep(time.Minute)
		if late := slices.IndexFunc(sets, func(set *keyset.Remote) bool { return !set.Ready() }); late >= 0 {
			t.Errorf("replica %d is not ready", late)
		}
	})
}
