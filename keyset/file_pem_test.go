package keyset_test

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// watchPEM runs test with a file that holds the first of two keys. Named, they
// are "a" and "b".
func watchPEM(t *testing.T, named bool, test func(t *testing.T, w *watched, a, b string)) {
	t.Helper()
	directory := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		first, second := newEd().Public(), newEd().Public()
		w := &watched{t: t, path: filepath.Join(directory, "keys.pem"), log: new(record)}
		w.write([]byte(spki(first)))
		config := keyset.FileConfig{Logger: w.log.logger()}
		if named {
			config.KeyID = func(public crypto.PublicKey) string {
				if own, ok := public.(ed25519.PublicKey); ok && own.Equal(first) {
					return "a"
				}
				return "b"
			}
		}
		w.File = must(keyset.Load(w.path, config))
		t.Cleanup(func() { _ = w.Close() })
		test(t, w, spki(first), spki(second))
	})
}

// wantBoth checks that "a" and "b" are there.
func (w *watched) wantBoth() {
	w.t.Helper()
	for _, id := range []string{"a", "b"} {
		if _, err := w.Key(w.t.Context(), id, keyset.EdDSA); err != nil {
			w.t.Errorf("key %s: %v", id, err)
		}
	}
}

func TestPEMFileRotates(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(w *watched, content string){
		"rewritten in place": func(w *watched, content string) { w.write([]byte(content)) },
		"renamed over": func(w *watched, content string) {
			next := &watched{t: w.t, path: w.path + ".tmp"}
			next.write([]byte(content))
			if err := os.Rename(next.path, w.path); err != nil {
				w.t.Fatal(err)
			}
		},
		"by Kubernetes": kubernetes(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watchPEM(t, true, func(_ *testing.T, w *watched, a, b string) {
				w.want("a")
				replace(w, a+b)
				w.want("a")
				w.polls(1)
				w.wantBoth()
				replace(w, b)
				w.polls(1)
				w.want("b")
			})
		})
	}
}

// kubernetes replaces a file by a link into a mount, and then what the mount
// holds.
func kubernetes() func(w *watched, content string) {
	dates := []string{"..2025_01_01", "..2025_01_02"}
	return func(w *watched, content string) {
		mount := filepath.Join(filepath.Dir(w.path), "mount")
		swap(w.t, mount, dates[0], []byte(content))
		dates = dates[1:]
		if len(dates) == 0 {
			return
		}
		err := errors.Join(os.Remove(w.path), os.Symlink(filepath.Join(mount, "..data", "keys.json"), w.path))
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestBrokenPEMFileKeepsTheKeysAndWarnsOnce(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(a, b string) string{
		"cut off":           func(a, b string) string { return b + a[:len(a)/2] },
		"cut in a BEGIN":    func(_, b string) string { return b + "-----BEG" },
		"damaged":           func(a, b string) string { return a[:40] + "*" + a[40:] + b },
		"a private key":     func(_, _ string) string { return pemOf("PRIVATE KEY", []byte(secretText)) },
		"rubbish in blocks": func(_, _ string) string { return pemOf("PUBLIC KEY", []byte("rubbish")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watchPEM(t, true, func(t *testing.T, w *watched, a, b string) {
				w.write([]byte(broken(a, b)))
				w.polls(10)
				w.wantWhileBroken("a", "b")
				if n := w.log.count("file is broken"); n != 1 {
					t.Errorf("%d warnings:\n%s", n, w.log)
				}
				w.write([]byte(b))
				w.polls(1)
				w.want("b")
			})
		})
	}
}

// Of two keys without an id, none could be chosen: the one that was there goes
// on working, and the log says what to do.
func TestSecondKeyWithoutAnIDDoesNotLockEverybodyOut(t *testing.T) {
	t.Parallel()
	watchPEM(t, false, func(t *testing.T, w *watched, a, b string) {
		before := must(w.Key(t.Context(), "any", keyset.EdDSA))
		w.write([]byte(a + b))
		w.polls(10)
		for _, id := range []string{"", "any"} {
			if key, err := w.Key(t.Context(), id, keyset.EdDSA); key != before {
				t.Errorf("key %q: %v, %v", id, key, err)
			}
		}
		if n := w.log.count("2 keys for EdDSA have no id to choose by: set KeyID"); n != 1 {
			t.Errorf("%d warnings:\n%s", n, w.log)
		}
		w.write([]byte(b))
		w.polls(1)
		if now := must(w.Key(t.Context(), "any", keyset.EdDSA)); now.Thumbprint() == before.Thumbprint() {
			t.Error("the old key is still there")
		}
	})
}

func TestFileMayChangeFromAJWKSetToPEMAndBack(t *testing.T) {
	t.Parallel()
	watchPEM(t, true, func(_ *testing.T, w *watched, _, b string) {
		w.write(jwks(edJWK().named("a")))
		w.polls(1)
		w.want("a")
		w.write([]byte(b))
		w.polls(1)
		w.want("b")
		w.write(jwks(edJWK().named("a")))
		w.polls(1)
		w.want("a")
	})
}

func TestSkippedBlockInAFileIsWarnedAboutOnce(t *testing.T) {
	t.Parallel()
	watchPEM(t, true, func(t *testing.T, w *watched, a, b string) {
		private := pemOf("PRIVATE KEY", []byte(secretText))
		w.write([]byte(private + a))
		w.polls(3)
		w.write([]byte(private + b))
		w.polls(3)
		w.want("b")
		if n := w.log.count("holds a private key"); n != 1 {
			t.Errorf("%d warnings:\n%s", n, w.log)
		}
	})
}

func TestLoadRefusesKeysInPEMThatHaveNoID(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.pem")
	text := spki(newEd().Public()) + spki(newEd().Public())
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := keyset.Load(path, keyset.FileConfig{})
	wantError(t, err, "keys.pem: PEM: 2 keys for EdDSA", "set KeyID")
}
