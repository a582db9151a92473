package token_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// revokedSome are revocations of subjects, which a test chooses.
type revokedSome struct {
	revocations
	subjects map[string]bool
}

func (r *revokedSome) Revoked(t *token.Token) (bool, error) { return r.subjects[t.Subject()], nil }

// twins are two verifiers of one world, of which one has a cache.
type twins struct {
	random  *rand.Rand
	now     time.Time
	keys    *changing
	issuer  *jwttest.Issuer
	all     []*jwttest.Key
	revoked *revokedSome
	with    *token.Verifier
	without *token.Verifier
	raws    []string
}

func newTwins(t *testing.T, seed uint64) *twins {
	t.Helper()
	w := &twins{
		random: rand.New(rand.NewPCG(seed, seed)), //nolint:gosec // it is to be repeatable
		now:    time.Now(), issuer: newIssuer(t), revoked: &revokedSome{subjects: make(map[string]bool)},
	}
	for range 3 {
		w.all = append(w.all, jwttest.NewKey(t, keyset.ES256))
	}
	w.keys = newChanging(w.held(t))
	trusted := []token.Issuer{{URL: w.issuer.URL(), Audiences: w.issuer.Audience(), Keys: w.keys}}
	options := []token.VerifierOption{
		token.WithClock(func() time.Time { return w.now }), token.WithRevocations(w.revoked), token.MaxLifetime(3 * time.Hour),
	}
	w.with = newVerifier(t, trusted, append(options, token.CacheSize(32<<10))...) // room for some
	w.without = newVerifier(t, trusted, append(options, token.CacheSize(0))...)
	for i := range 60 {
		w.raws = append(w.raws, w.token(i))
	}
	return w
}

// token returns one that may be good, at some time and with some keys.
func (w *twins) token(i int) string {
	issued := w.now.Add(time.Duration(w.random.IntN(240)-60) * time.Minute)
	options := []jwttest.TokenOption{
		jwttest.Subject(fmt.Sprint("user-", i%20)), jwttest.SignedBy(w.all[w.random.IntN(len(w.all))]),
		jwttest.IssuedAt(issued), jwttest.Without("nbf"),
		jwttest.Claim("exp", issued.Add(time.Duration(w.random.IntN(200))*time.Minute).Unix()),
	}
	if w.random.IntN(10) == 0 {
		options = append(options, jwttest.Audience("another"))
	}
	return w.issuer.Token(options...)
}

// held returns a set with some of the keys, as other objects than before.
func (w *twins) held(t *testing.T) *keyset.Static {
	t.Helper()
	var held []*keyset.Key
	for _, key := range w.all {
		if w.random.IntN(4) == 0 {
			continue
		}
		public, err := key.Verifier()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, public)
	}
	set, err := keyset.New(append(held, w.spare(t))...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// spare returns a key that signs nothing, for a set without keys is none.
func (w *twins) spare(t *testing.T) *keyset.Key {
	t.Helper()
	key, err := jwttest.NewKey(t, keyset.ES256).Verifier()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// happen lets something happen that may change the verdict on some token.
func (w *twins) happen(t *testing.T) (what string) {
	t.Helper()
	switch n := w.random.IntN(100); {
	case n < 4:
		w.keys.now.Store(w.held(t))
		return "other keys"
	case n < 8:
		subject := fmt.Sprint("user-", w.random.IntN(20))
		w.revoked.subjects[subject] = !w.revoked.subjects[subject]
		return "revoked, or not any more: " + subject
	case n < 20:
		w.now = w.now.Add(time.Duration(w.random.IntN(10)-3) * time.Minute) // clocks are set back, too
		return "the time is " + w.now.String()
	default:
		return ""
	}
}

// TestTheCacheChangesNoVerdict has two verifiers of which one has a cache. In one case
// they differ, by design: of a token whose key is gone and that has expired, the cache
// tells the second.
func TestTheCacheChangesNoVerdict(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newTwins(t, seed)
			hits := 0
			for range 2000 {
				if what := w.happen(t); what != "" {
					t.Log(what)
				}
				raw := w.raws[w.random.IntN(len(w.raws))]
				want, _ := verdict(t.Context(), w.without, raw)
				w.keys.asked.Store(0)
				got, _ := verdict(t.Context(), w.with, raw)
				if w.keys.asked.Load() == 0 {
					hits++
				}
				timely := got != token.ReasonExpired && got != token.ReasonNotYetValid
				if got != want && (timely || want != token.ReasonKeyUnknown) {
					t.Fatalf("token %s: with a cache %q, without %q", token.Fingerprint(raw), got, want)
				}
			}
			if hits < 100 {
				t.Errorf("%d of 2000 were in the cache: that shows nothing", hits)
			}
		})
	}
}
