package keyset_test

import (
	"crypto/ed25519"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// All sets of this package can say what became of a key.
var (
	_ keyset.Live = (*keyset.Static)(nil)
	_ keyset.Live = (*keyset.File)(nil)
	_ keyset.Live = (*keyset.Remote)(nil)
)

// mustKey returns the EdDSA key of an id.
func mustKey(t *testing.T, set keyset.Set, id string) *keyset.Key {
	t.Helper()
	key, err := set.Key(t.Context(), id, keyset.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSnapshotOfASetWithoutKeysIsNil(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, down, func(t *testing.T, r *remote) {
		if r.Snapshot() != nil {
			t.Error("there is a snapshot")
		}
	})
}

// A set of somebody else's may have nothing better to give.
func TestZeroSnapshotHoldsNothing(t *testing.T) {
	t.Parallel()
	zero := new(keyset.Snapshot)
	if zero.Holds(nil) || zero.Holds(new(keyset.Key)) || len(zero.Keys()) != 0 || zero.Generation() != 0 || !zero.ValidUntil().IsZero() {
		t.Error("it holds something")
	}
}

func TestSnapshotTellsWhatBecameOfAKey(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		first := r.Snapshot()
		a := mustKey(t, r, "a")
		if !first.Holds(a) || len(first.Keys()) != 1 || first.Keys()[0] != a {
			t.Error("the key is not in its snapshot")
		}

		pass(time.Hour) // of fetches that change nothing
		if now := r.Snapshot(); now.Generation() != first.Generation() || !now.Holds(a) {
			t.Error("the same keys are another generation")
		}

		r.serves(edJWK().named("a"), otherEdJWK().named("b"))
		pass(10 * time.Minute)
		second := r.Snapshot()
		if second.Generation() <= first.Generation() || !second.Holds(a) || mustKey(t, r, "a") != a {
			t.Error("a key that stayed is another object beside a new one")
		}
		b := mustKey(t, r, "b")

		r.serves(edJWK().named("b"))
		pass(10 * time.Minute)
		third := r.Snapshot()
		if third.Holds(a) || third.Holds(b) || third.Generation() <= second.Generation() {
			t.Error("a withdrawn key, or one whose id has other material now, is still held")
		}
		if !first.Holds(a) || first.Holds(b) || !second.Holds(b) || len(second.Keys()) != 2 {
			t.Error("an old snapshot changed")
		}

		r.serves(edJWK().named("a"))
		pass(10 * time.Minute)
		if now := r.Snapshot(); now.Holds(a) || mustKey(t, r, "a") == a {
			t.Error("a key that was gone for a while came back as the same object")
		}
	})
}

// otherEdJWK is like edJWK, of a key that nothing else has.
func otherEdJWK() jwk {
	public, _ := newEd().Public().(ed25519.PublicKey)
	return edJWK().with(jwk{"x": b64(public)})
}

func TestSnapshotSaysUntilWhenItIsGood(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{MaxStale: time.Hour}, nil, func(t *testing.T, r *remote) {
		began := time.Now()
		if until := r.Snapshot().ValidUntil(); !until.Equal(began.Add(time.Hour)) {
			t.Errorf("good until %v after the fetch", until.Sub(began))
		}
		pass(30 * time.Minute)
		r.becomes(down)
		until := r.Snapshot().ValidUntil()
		if !until.Equal(r.last().Add(time.Hour)) {
			t.Error("not an hour after the last good fetch")
		}
		pass(10 * time.Minute)
		if !r.Snapshot().ValidUntil().Equal(until) {
			t.Error("a fetch that fails makes keys good for longer")
		}
	})
}

func TestSnapshotsOfSetsThatDoNotAge(t *testing.T) {
	t.Parallel()
	content := jwks(edJWK().named("a"))
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file := must(keyset.Load(path, keyset.FileConfig{Logger: new(record).logger()}))
	t.Cleanup(func() { _ = file.Close() })
	for name, set := range map[string]keyset.Live{
		"static": must(keyset.Parse(content, keyset.ParseConfig{})),
		"file":   file,
	} {
		snapshot := set.Snapshot()
		if !snapshot.Holds(mustKey(t, set, "a")) || !snapshot.ValidUntil().IsZero() || snapshot.Generation() == 0 {
			t.Errorf("%s: %+v", name, snapshot)
		}
		if snapshot.Holds(mustKey(t, must(keyset.Parse(content, keyset.ParseConfig{})), "a")) {
			t.Errorf("%s: holds an equal key of another set", name)
		}
	}
}

// What a look-up costs must not depend on how many keys there are: a set of a
// thousand is a map like one of two. BenchmarkKey shows it.
func TestLookUpAllocatesNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun forbids it
	set := largeSet(t, 1000)
	ctx := t.Context()
	key := mustKey(t, set, "500")
	if n := testing.AllocsPerRun(100, func() {
		found, err := set.Key(ctx, "500", keyset.EdDSA)
		if err != nil || found != key || !set.Ready() || !set.Snapshot().Holds(found) {
			t.Fatal("the key is not found")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkKey(b *testing.B) {
	for _, size := range []int{2, 1000} {
		b.Run(strconv.Itoa(size)+" keys", func(b *testing.B) {
			set := largeSet(b, size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := set.Key(b.Context(), "1", keyset.EdDSA); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// largeSet returns a set of as many keys as wanted, with the ids 0, 1, and so on.
func largeSet(tb testing.TB, size int) *keyset.Remote {
	tb.Helper()
	keys := make([]jwk, size)
	for i := range keys {
		keys[i] = otherEdJWK().named(strconv.Itoa(i))
	}
	client := &http.Client{Transport: &issuer{answer: body(jwks(keys...))}}
	set := must(keyset.Fetch(issuerURL, keyset.RemoteConfig{Client: client, Logger: new(record).logger()}))
	tb.Cleanup(func() { _ = set.Close() })
	if err := set.WaitReady(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return set
}

func TestAKeyWithoutAnIDStaysTheSameObject(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, body(jwks(edJWK(), ecJWK(p256()).named("b"))), func(t *testing.T, r *remote) {
		key := must(r.Key(t.Context(), "", keyset.EdDSA))
		r.serves(edJWK(), ecJWK(p256()).named("c"))
		pass(10 * time.Minute)
		if !r.Snapshot().Holds(key) {
			t.Error("it is another now")
		}
	})
}
