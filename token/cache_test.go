package token_test

import (
	"context"
	"crypto/elliptic"
	"errors"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// changing is a key set of which a test knows how often it was asked for a key, and
// whose keys it can change.
type changing struct {
	now   atomic.Pointer[keyset.Static]
	asked atomic.Int64
}

func newChanging(keys *keyset.Static) *changing {
	c := new(changing)
	c.now.Store(keys)
	return c
}

func (c *changing) Key(ctx context.Context, id string, alg keyset.Algorithm) (*keyset.Key, error) {
	c.asked.Add(1)
	return c.now.Load().Key(ctx, id, alg)
}

func (c *changing) Snapshot() *keyset.Snapshot { return c.now.Load().Snapshot() }

// wantAsked checks how often the set was asked since the last time.
func (c *changing) wantAsked(t *testing.T, what string, want int64) {
	t.Helper()
	if n := c.asked.Swap(0); n != want {
		t.Errorf("%s: asked for a key %d times, want %d", what, n, want)
	}
}

// cached is a verifier with a cache, and what it rests on.
type cached struct {
	*token.Verifier
	issuer *jwttest.Issuer
	keys   *changing
	clock  atomic.Pointer[time.Time]
}

func newCached(t *testing.T, options ...token.VerifierOption) *cached {
	t.Helper()
	c := &cached{issuer: newIssuer(t)}
	c.keys = newChanging(c.issuer.Keys())
	c.set(time.Now())
	c.Verifier = newVerifier(t, []token.Issuer{{URL: c.issuer.URL(), Audiences: c.issuer.Audience(), Keys: c.keys}},
		append([]token.VerifierOption{token.WithClock(func() time.Time { return *c.clock.Load() })}, options...)...)
	return c
}

func (c *cached) set(now time.Time)       { c.clock.Store(&now) }
func (c *cached) advance(d time.Duration) { c.set(c.clock.Load().Add(d)) }

// want checks the verdict on a token, and whether that took a look at the keys.
func (c *cached) want(t *testing.T, what, raw string, want token.Reason, asked int64) {
	t.Helper()
	t.Logf("%s", what)
	wantReason(t, c.Verifier, raw, want)
	c.keys.wantAsked(t, what, asked)
}

func TestATokenIsVerifiedOnce(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	raw := c.issuer.Token()
	first, err := c.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	c.keys.wantAsked(t, "new", 1)
	for range 3 {
		if again, err := c.Verify(t.Context(), raw); again != first || err != nil {
			t.Errorf("got %v, %v", again, err)
		}
	}
	c.keys.wantAsked(t, "seen before", 0)
	c.want(t, "another token", c.issuer.Token(jwttest.Subject("bob")), "", 1)
}

func TestACachedTokenEnds(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	raw := c.issuer.Token(jwttest.ExpiresIn(time.Hour))
	c.want(t, "new", raw, "", 1)
	c.advance(time.Hour + token.DefaultLeeway - 2*time.Second)
	c.want(t, "in its last seconds", raw, "", 0)
	c.advance(4 * time.Second)
	c.want(t, "expired", raw, token.ReasonExpired, 0)
	c.advance(-48 * time.Hour)
	c.want(t, "when the clock was wrong", raw, token.ReasonNotYetValid, 0)
}

// Each of these is the same as if the token had never been seen.
func TestACachedTokenIsWorthWhatItsKeyIs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(issuer *jwttest.Issuer)
		want   token.Reason
	}{
		"another key has come":       {func(i *jwttest.Issuer) { i.Rotate() }, ""},
		"the key is gone":            {func(i *jwttest.Issuer) { old := i.Key(keyset.ES256); i.Rotate(); i.Withdraw(old) }, token.ReasonKeyUnknown},
		"the set was read once more": {func(*jwttest.Issuer) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCached(t)
			raw := c.issuer.Token()
			c.want(t, "new", raw, "", 1)
			before := c.keys.now.Load()
			test.change(c.issuer)
			c.keys.now.Store(c.issuer.Keys()) // other objects, be they for the same keys
			c.want(t, name, raw, test.want, 1)
			if test.want != "" {
				c.want(t, "still", raw, test.want, 1)
			} else {
				c.want(t, "seen before, with this key", raw, "", 0)
			}
			c.keys.now.Store(before)
			c.want(t, "the key is back", raw, "", 1)
		})
	}
}

// odd is a key set with snapshots of its own.
type odd struct {
	*changing
	snapshot atomic.Pointer[keyset.Snapshot]
}

func (o *odd) Snapshot() *keyset.Snapshot { return o.snapshot.Load() }

// A set that doesn't know its own keys costs a verification each time, and no more.
func TestTokensOfASetWithOddSnapshotsAreVerifiedEachTime(t *testing.T) {
	t.Parallel()
	other := newIssuer(t).Keys().Snapshot()
	for name, snapshot := range map[string]*keyset.Snapshot{
		"none": nil, "one of no keys": {}, "one of other keys": other,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := newIssuer(t)
			keys := &odd{changing: newChanging(issuer.Keys())}
			verifier := newVerifier(t, []token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: keys}})
			raw := issuer.Token()
			keys.snapshot.Store(snapshot)
			for range 3 {
				before := keys.asked.Load()
				wantReason(t, verifier, raw, "")
				if keys.asked.Load() == before {
					t.Error("it was found in the cache")
				}
			}
			keys.now.Store(newIssuer(t).Keys())
			wantReason(t, verifier, raw, token.ReasonKeyUnknown)
		})
	}
}

// otherKeyOfTheSameID returns a set of one key, which is not the issuer's but has its id.
func otherKeyOfTheSameID(t *testing.T, issuer *jwttest.Issuer) *keyset.Static {
	t.Helper()
	other, err := jwttest.NewKey(t, keyset.ES256).Verifier()
	if err != nil {
		t.Fatal(err)
	}
	public, err := keyset.NewPublicKey(issuer.Key(keyset.ES256).ID(), keyset.ES256, other.Public())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyset.New(public)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// The id of a key says nothing: here it is that of another key.
func TestACachedTokenDoesNotOutliveItsKeyUnderTheSameID(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	raw := c.issuer.Token()
	c.want(t, "new", raw, "", 1)
	c.keys.now.Store(otherKeyOfTheSameID(t, c.issuer))
	c.want(t, "another key of this name", raw, token.ReasonSignatureInvalid, 1)
}

func TestARefreshOfTheSameKeysKeepsTheCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer, trusted := remoteIssuer(t, "https://id.test")
		set, ok := trusted.Keys.(*keyset.Remote)
		if !ok {
			t.Fatalf("got %T", trusted.Keys)
		}
		counted := &countingRemote{Remote: set}
		trusted.Keys = counted
		verifier := newVerifier(t, []token.Issuer{trusted})
		raw := issuer.Token(jwttest.ExpiresIn(72 * time.Hour))
		synctest.Wait()
		wantVerdict := func(what string, want token.Reason, asked int64) {
			t.Helper()
			if got, took := verdict(t.Context(), verifier, raw); got != want || took != 0 {
				t.Errorf("%s: %q after %v, want %q", what, got, took, want)
			}
			if n := counted.asked.Swap(0); n != asked {
				t.Errorf("%s: asked for a key %d times, want %d", what, n, asked)
			}
		}
		wantVerdict("new", "", 1)
		requests := issuer.JWKSRequests()
		time.Sleep(10 * time.Hour)
		if issuer.JWKSRequests() == requests {
			t.Fatal("the keys were not refreshed")
		}
		wantVerdict("after many refreshes", "", 0)

		issuer.Fail(503)
		time.Sleep(23 * time.Hour)
		wantVerdict("in a long outage", "", 0)
		time.Sleep(2 * time.Hour)
		wantVerdict("in one that is too long", token.ReasonKeysUnavailable, 1)
		issuer.Recover()
		time.Sleep(2 * time.Minute)
		wantVerdict("after it", "", 0) // the keys are the same objects

		thumbprint := set.Snapshot().Keys()[0].Thumbprint()
		if err := set.Distrust(thumbprint); err != nil {
			t.Fatal(err)
		}
		wantVerdict("with a key that was distrusted", token.ReasonKeyUnknown, 1)
	})
}

// countingRemote counts how often it is asked for a key.
type countingRemote struct {
	*keyset.Remote
	asked atomic.Int64
}

func (c *countingRemote) Key(ctx context.Context, id string, alg keyset.Algorithm) (*keyset.Key, error) {
	c.asked.Add(1)
	return c.Remote.Key(ctx, id, alg)
}

// switched are revocations that a test changes.
type switched struct {
	revocations
	says atomic.Pointer[revocations]
}

func (s *switched) Revoked(t *token.Token) (bool, error) { return s.says.Load().Revoked(t) }

func TestRevocationsAreAskedEachTime(t *testing.T) {
	t.Parallel()
	var list switched
	list.says.Store(&revocations{})
	c := newCached(t, token.WithRevocations(&list), token.MaxLifetime(24*time.Hour))
	raw := c.issuer.Token()
	c.want(t, "new", raw, "", 1)
	list.says.Store(&revocations{revoked: true})
	c.want(t, "revoked", raw, token.ReasonRevoked, 0)
	list.says.Store(&revocations{err: errors.New("away")})
	c.want(t, "nobody knows", raw, token.ReasonRevocationsUnavailable, 0)
	list.says.Store(&revocations{})
	c.want(t, "not revoked", raw, "", 0)

	list.says.Store(&revocations{revoked: true})
	other := c.issuer.Token(jwttest.Subject("bob"))
	c.want(t, "revoked before it came", other, token.ReasonRevoked, 1)
	c.want(t, "seen before", other, token.ReasonRevoked, 0)
	c.advance(48 * time.Hour)
	c.want(t, "expired, and revoked", other, token.ReasonExpired, 0)
}

// forgetful is a key set that can't say later whether a key is still good.
type forgetful struct{ keyset.Set }

func TestTokensOfASetThatIsNotLiveAreVerifiedEachTime(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	keys := newChanging(issuer.Keys())
	verifier := newVerifier(t, []token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: forgetful{keys}}})
	raw := issuer.Token()
	for range 3 {
		wantReason(t, verifier, raw, "")
	}
	keys.wantAsked(t, "three calls", 3)
}

func TestWithoutACacheEveryTokenIsVerifiedEachTime(t *testing.T) {
	t.Parallel()
	c := newCached(t, token.CacheSize(0))
	raw := c.issuer.Token()
	for range 3 {
		c.want(t, "a call", raw, "", 1)
	}
}

// Of what can be cached, somebody could make a copy that is not the same: it gets no
// part of the other's verdict.
func TestOnlyTheWholeTokenIsFound(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	raw := c.issuer.Token()
	c.want(t, "the token", raw, "", 1)
	header, payload, signature, err := jwttest.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	c.want(t, "with a signature of nothing", jwttest.Encode(header, payload, make([]byte, 64)), token.ReasonSignatureInvalid, 1)
	c.want(t, "without a signature", jwttest.Encode(header, payload, nil), token.ReasonSignatureInvalid, 1)
	c.want(t, "of another subject", jwttest.Tamper(raw), token.ReasonSignatureInvalid, 1)
	c.want(t, "padded", raw+"=", token.ReasonMalformed, 0)
	c.want(t, "cut", raw[:len(raw)-1], token.ReasonMalformed, 0)

	// With ECDSA, who has a token can make a second signature of it. It is good, and
	// another token.
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	twin := jwttest.Encode(header, payload, signature)
	c.want(t, "its twin", twin, "", 1)
	c.want(t, "its twin again", twin, "", 0)
	c.want(t, "the token again", raw, "", 0)
}

func TestVerifiersDoNotShareTheirCaches(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	raw := issuer.Token(jwttest.Audience("orders"))
	keys := issuer.Keys()
	orders := newVerifier(t, []token.Issuer{{URL: issuer.URL(), Audiences: []string{"orders"}, Keys: keys}})
	pricing := newVerifier(t, []token.Issuer{{URL: issuer.URL(), Audiences: []string{"pricing"}, Keys: keys}})
	for range 2 {
		wantReason(t, orders, raw, "")
		wantReason(t, pricing, raw, token.ReasonAudienceMismatch)
	}
}

func TestWhatWasRefusedTakesNoRoom(t *testing.T) {
	t.Parallel()
	c := newCached(t, token.CacheSize(8<<10)) // room for a few
	raw := c.issuer.Token()
	c.want(t, "the token", raw, "", 1)
	forged := c.issuer.Token(jwttest.Forged())
	header, payload, signature, err := jwttest.Decode(forged)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5000 { // each is another token
		signature[i%32] = byte(i >> 5)
		wantReason(t, c.Verifier, jwttest.Encode(header, payload, signature), token.ReasonSignatureInvalid)
	}
	c.keys.asked.Store(0)
	c.want(t, "the token, after a flood", raw, "", 0)
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCached(t, token.CacheSize(64<<10))
	var raws []string
	for range 200 { // of 64 KiB, they take more than 300
		raws = append(raws, c.issuer.Token(jwttest.Claim("x", make([]int, 200))))
	}
	for _, raw := range raws {
		wantReason(t, c.Verifier, raw, "")
	}
	c.keys.asked.Store(0)
	for _, raw := range raws {
		wantReason(t, c.Verifier, raw, "")
	}
	if asked := c.keys.asked.Load(); asked < 140 {
		t.Errorf("%d of 200 tokens had to be verified again, in a cache that has room for a few tens", asked)
	}
}

func TestObserversKnowWhatWasCached(t *testing.T) {
	t.Parallel()
	var seen recorder
	c := newCached(t, token.WithObserver(&seen))
	raw := c.issuer.Token()
	c.want(t, "new", raw, "", 1)
	c.want(t, "again", raw, "", 0)
	c.advance(48 * time.Hour)
	c.want(t, "expired", raw, token.ReasonExpired, 0)
	c.want(t, "malformed", "x", token.ReasonMalformed, 0)
	for i, want := range []token.Verification{
		{Cached: false}, {Cached: true},
		{Cached: true, Reason: token.ReasonExpired}, {Cached: false, Reason: token.ReasonMalformed},
	} {
		got := seen.seen[i]
		if got.Cached != want.Cached || got.Reason != want.Reason || (got.Token == nil) != (want.Reason != "") || (got.Err == nil) != (want.Reason == "") {
			t.Errorf("%d: got %+v, want %+v", i, got, want)
		}
	}
}

// Those who hand a token over rely on it that no other characters pass: see Cut of
// package metadata.
func TestNoOtherCharactersPass(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	raw := c.issuer.Token()
	c.want(t, "the token", raw, "", 1)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	dot := strings.IndexByte(raw, '.')
	for b := range 256 {
		if strings.IndexByte(alphabet, byte(b)) >= 0 {
			continue
		}
		for _, at := range []int{0, 1, dot, dot + 1, strings.LastIndexByte(raw, '.') + 1, len(raw)} {
			_, err := c.Verify(t.Context(), raw[:at]+string([]byte{byte(b)})+raw[at:])
			if token.ReasonOf(err) != token.ReasonMalformed {
				t.Errorf("with byte %d at %d: got %q", b, at, token.ReasonOf(err))
			}
		}
	}
	c.keys.wantAsked(t, "all of them", 0)
}
