package keyset_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

func TestDistrustDropsAKeyAtOnce(t *testing.T) {
	t.Parallel()
	first := body(jwks(edJWK().named("a"), otherEdJWK().named("b")))
	fetched(t, keyset.RemoteConfig{}, first, func(t *testing.T, r *remote) {
		a, before := mustKey(t, r, "a"), r.Snapshot()
		r.becomes(down) // nobody has to be asked
		n := r.counting(func() {
			if err := r.Distrust(a.Thumbprint()); err != nil {
				t.Fatal(err)
			}
			r.becomes(hang)
			for range 10 {
				if took, err := r.key("a"); !errors.Is(err, keyset.ErrUnknownKey) || took != 0 {
					t.Errorf("%v after %v", err, took)
				}
			}
			r.becomes(down)
		})
		if n > 1 { // a new key might have the id
			t.Errorf("%d fetches", n)
		}
		r.wantAtOnce("b")
		r.wantAtOnce("") // the only one now
		if now := r.Snapshot(); now.Holds(a) || now.Generation() == before.Generation() || now.ValidUntil() != before.ValidUntil() {
			t.Error("the snapshot still holds it, or changed otherwise")
		}
		pass(time.Hour)
		r.want("a", keyset.ErrUnknownKey) // and not unavailable: that is known
		if r.log.count("keys distrusted") != 1 || r.log.count(a.Thumbprint()) == 0 {
			t.Errorf("log:\n%s", r.log)
		}
	})
}

func TestDistrustHoldsWhateverTheIssuerSays(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		stolen := mustKey(t, r, "a").Thumbprint()
		if err := r.Distrust(stolen); err != nil {
			t.Fatal(err)
		}
		pass(time.Hour) // of fetches that bring it back
		r.want("a", keyset.ErrUnknownKey)
		if r.Snapshot().Generation() != 2 || r.Ready() || len(r.Snapshot().Keys()) != 0 {
			t.Error("the set changes with each fetch, or is ready without a key")
		}
		r.serves(edJWK().named("another id"), otherEdJWK().named("a"))
		pass(interval)
		_, _ = r.key("a") // which is answered at once, and looked into
		synctest.Wait()
		r.wantAtOnce("a") // another key under the old id
		r.want("another id", keyset.ErrUnknownKey)
	})
}

// Of two keys with one id the first is used, unless it is distrusted.
func TestDistrustTheFirstOfTwoKeysWithOneID(t *testing.T) {
	t.Parallel()
	first := body(jwks(edJWK().named("a"), otherEdJWK().named("a")))
	fetched(t, keyset.RemoteConfig{}, first, func(t *testing.T, r *remote) {
		stolen := mustKey(t, r, "a")
		if err := r.Distrust(stolen.Thumbprint()); err != nil {
			t.Fatal(err)
		}
		if mustKey(t, r, "a") == stolen {
			t.Error("it is used still")
		}
	})
}

func TestASetOfDistrustedKeysIsNotReady(t *testing.T) {
	t.Parallel()
	told := make(chan bool, 10)
	config := keyset.RemoteConfig{ReadyChanged: func(ready bool) { told <- ready }}
	fetched(t, config, nil, func(t *testing.T, r *remote) {
		if err := r.Distrust(mustKey(t, r, "a").Thumbprint()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(told) != 3 || <-told || !<-told || <-told {
			t.Error("not told at once")
		}
		if r.log.count("all keys are distrusted") != 1 || r.log.count("too old") != 0 {
			t.Errorf("log:\n%s", r.log)
		}
		r.want("a", keyset.ErrUnknownKey)
		r.want("", keyset.ErrUnknownKey)
	})
}

func TestDistrustedByConfiguration(t *testing.T) {
	t.Parallel()
	thumbprint := mustKey(t, must(keyset.Parse(jwks(edJWK().named("a")), keyset.ParseConfig{})), "a").Thumbprint()
	told := make(chan bool, 10)
	config := keyset.RemoteConfig{Distrusted: []string{thumbprint}, ReadyChanged: func(ready bool) { told <- ready }}
	restarting(t, good(), life{config: config, answer: down, do: func(t *testing.T, r *remote) {
		r.want("a", keyset.ErrUnknownKey)
		if r.Ready() || <-told {
			t.Error("ready with nothing but a stolen key")
		}
	}})
	_, err := keyset.Fetch(issuerURL, keyset.RemoteConfig{Distrusted: []string{"a"}})
	wantError(t, err, "thumbprint")

	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, jwks(edJWK().named("a"), otherEdJWK().named("b")), 0o600); err != nil {
		t.Fatal(err)
	}
	file := must(keyset.Load(path, keyset.FileConfig{Distrusted: []string{thumbprint}, Logger: new(record).logger()}))
	defer func() { _ = file.Close() }()
	if _, err := file.Key(t.Context(), "a", keyset.EdDSA); !errors.Is(err, keyset.ErrUnknownKey) {
		t.Errorf("got %v", err)
	}
	mustKey(t, file, "b")
}

// A key that comes later is known for what it is.
func TestADistrustedKeyThatComesLaterIsKnownAsSuch(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, body(jwks(ecJWK(p256()).named("b"))), func(t *testing.T, r *remote) {
		bad := must(keyset.Parse(jwks(edJWK().named("a")), keyset.ParseConfig{})).Keys()[0]
		if err := r.Distrust(bad.Thumbprint()); err != nil {
			t.Fatal(err)
		}
		r.serves(ecJWK(p256()).named("b"), edJWK().named("a"))
		pass(10 * time.Minute)
		_, err := r.key("a")
		wantError(t, err, "it is distrusted")
	})
}

func TestDistrustBeforeAnyKeys(t *testing.T) {
	t.Parallel()
	thumbprint := mustKey(t, must(keyset.Parse(jwks(edJWK().named("a")), keyset.ParseConfig{})), "a").Thumbprint()
	fetched(t, keyset.RemoteConfig{}, down, func(t *testing.T, r *remote) {
		if err := r.Distrust(thumbprint); err != nil {
			t.Fatal(err)
		}
		r.serves(edJWK().named("a"), otherEdJWK().named("b"))
		pass(time.Minute)
		r.want("a", keyset.ErrUnknownKey)
		r.wantAtOnce("b")
	})
}

func TestDistrustRefusesWhatIsNoThumbprint(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		good := mustKey(t, r, "a").Thumbprint()
		for name, thumbprints := range map[string][]string{
			"none":             {},
			"empty":            {""},
			"an id":            {good, "a"},
			"cut short":        {good[1:]},
			"with padding":     {good + "="},
			"with a newline":   {good + "\n"},
			"hex":              {strings.Repeat("0f", 32)},
			"not base64url":    {strings.Repeat("+", 43)},
			"good and then no": {good, good + good},
		} {
			if err := r.Distrust(thumbprints...); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		r.wantAtOnce("a")
	})
}

func TestDistrustAKeyOfAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, jwks(edJWK().named("a"), otherEdJWK().named("b")), 0o600); err != nil {
		t.Fatal(err)
	}
	file := must(keyset.Load(path, keyset.FileConfig{Logger: new(record).logger()}))
	t.Cleanup(func() { _ = file.Close() })
	if err := file.Distrust(mustKey(t, file, "a").Thumbprint()); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Key(t.Context(), "a", keyset.EdDSA); !errors.Is(err, keyset.ErrUnknownKey) {
		t.Errorf("got %v", err)
	}
	mustKey(t, file, "b")
	if err := file.Distrust("a"); err == nil {
		t.Error("an id is no thumbprint")
	}
}

func TestADistrustedKeyOfABrokenFileIsUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys")
		write := func(content []byte) {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(jwks(edJWK().named("a")))
		file := must(keyset.Load(path, keyset.FileConfig{Logger: new(record).logger()}))
		defer func() { _ = file.Close() }()
		if err := file.Distrust(mustKey(t, file, "a").Thumbprint()); err != nil {
			t.Fatal(err)
		}
		write([]byte("{"))
		pass(time.Second)
		_, err := file.Key(t.Context(), "a", keyset.EdDSA)
		if file.Status().Err == nil || !errors.Is(err, keyset.ErrUnknownKey) {
			t.Errorf("got %v", err)
		}
	})
}
