package keyset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// watched is a file set in a bubble of fake time.
type watched struct {
	*keyset.File
	t    *testing.T
	path string
	log  *record
}

// watch runs test with a file that holds the one key "a".
func watch(t *testing.T, test func(t *testing.T, w *watched)) {
	t.Helper()
	directory := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &watched{t: t, path: filepath.Join(directory, "keys.json"), log: new(record)}
		w.write(jwks(edJWK().named("a")))
		w.load()
		test(t, w)
	})
}

func (w *watched) load() {
	w.t.Helper()
	file, err := keyset.Load(w.path, keyset.FileConfig{Logger: w.log.logger()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = file.Close() })
	w.File = file
}

func (w *watched) write(content []byte) {
	w.t.Helper()
	if err := os.WriteFile(w.path, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// polls lets the watcher look n times.
func (w *watched) polls(n int) {
	time.Sleep(time.Duration(n)*time.Second + time.Millisecond)
	synctest.Wait()
}

// want checks that of the ids "a" and "b" the set has this one alone.
func (w *watched) want(id string) {
	w.t.Helper()
	if _, err := w.Key(w.t.Context(), id, keyset.EdDSA); err != nil {
		w.t.Errorf("key %s: %v", id, err)
	}
	other := map[string]string{"a": "b", "b": "a"}[id]
	if _, err := w.Key(w.t.Context(), other, keyset.EdDSA); !errors.Is(err, keyset.ErrUnknownKey) {
		w.t.Errorf("key %s: %v", other, err)
	}
}

// wantWhileBroken checks that the set has this id, can't tell about the other,
// and knows all the same what no file could change.
func (w *watched) wantWhileBroken(id, other string) {
	w.t.Helper()
	if _, err := w.Key(w.t.Context(), id, keyset.EdDSA); err != nil {
		w.t.Errorf("key %s: %v", id, err)
	}
	_, err := w.Key(w.t.Context(), other, keyset.EdDSA)
	if !errors.Is(err, keyset.ErrUnavailable) || keyset.RetryAfter(err) != time.Second {
		w.t.Errorf("key %s: %v", other, err)
	}
	if _, err := w.Key(w.t.Context(), id, keyset.RS256); !errors.Is(err, keyset.ErrWrongAlgorithm) {
		w.t.Errorf("key %s for another algorithm: %v", id, err)
	}
	if _, err := w.Key(w.t.Context(), "", keyset.RS256); !errors.Is(err, keyset.ErrWrongAlgorithm) {
		w.t.Errorf("no id: %v", err)
	}
}

func TestLoadReadsTheFileAtOnce(t *testing.T) {
	t.Parallel()
	watch(t, func(_ *testing.T, w *watched) { w.want("a") })
}

func TestLoadAcceptsSecrets(t *testing.T) {
	t.Parallel()
	watch(t, func(t *testing.T, w *watched) {
		w.write(jwks(octJWK().named("s")))
		w.polls(1)
		if _, err := w.Key(t.Context(), "s", keyset.HS256); err != nil {
			t.Error(err)
		}
	})
}

func TestChangedFileReplacesAllKeys(t *testing.T) {
	t.Parallel()
	watch(t, func(t *testing.T, w *watched) {
		w.write(jwks(edJWK().named("b")))
		w.want("a")
		w.polls(1)
		w.want("b")
		if n := w.log.count("keys in use changed"); n != 2 {
			t.Errorf("%d lines about changed keys:\n%s", n, w.log)
		}
	})
}

func TestChangedFileReplacesTheKeyOfAnID(t *testing.T) {
	t.Parallel()
	for name, next := range changes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watch(t, func(t *testing.T, w *watched) {
				w.write(jwks(next))
				w.polls(1)
				wantReplaced(t, w, next)
			})
		})
	}
}

func TestFileOfTheSameKeysKeepsItsKeyObjects(t *testing.T) {
	t.Parallel()
	watch(t, func(t *testing.T, w *watched) {
		before := must(w.Key(t.Context(), "a", keyset.EdDSA))
		w.polls(3)
		w.write(append(jwks(edJWK().named("a")), '\n'))
		w.polls(3)
		if now := must(w.Key(t.Context(), "a", keyset.EdDSA)); now != before {
			t.Error("the same key is another object")
		}
		if n := w.log.count("keys in use changed"); n != 1 {
			t.Errorf("%d lines about changed keys:\n%s", n, w.log)
		}
	})
}

func TestRewrittenFileOfTheSameTimeIsNoticed(t *testing.T) {
	t.Parallel()
	watch(t, func(t *testing.T, w *watched) {
		info := must(os.Stat(w.path))
		w.write(jwks(edJWK().named("b"))) // of the same size
		if err := os.Chtimes(w.path, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		w.polls(1)
		w.want("b")
	})
}

func TestFileRenamedOverIsNoticed(t *testing.T) {
	t.Parallel()
	watch(t, func(t *testing.T, w *watched) {
		next := w.path + ".tmp"
		if err := os.WriteFile(next, jwks(edJWK().named("b")), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, w.path); err != nil {
			t.Fatal(err)
		}
		w.polls(1)
		w.want("b")
	})
}

// Kubernetes mounts keys.json -> ..data/keys.json and ..data -> a directory by
// date, and renames a new link over ..data.
func TestKubernetesLinkSwapIsNoticed(t *testing.T) {
	t.Parallel()
	watch(t, func(t *testing.T, w *watched) {
		mount := filepath.Join(filepath.Dir(w.path), "mount")
		publish := func(date, id string) {
			swap(t, mount, date, jwks(edJWK().named(id)))
		}
		publish("..2025_01_01", "a")
		w.path = filepath.Join(mount, "keys.json")
		if err := os.Symlink(filepath.Join("..data", "keys.json"), w.path); err != nil {
			t.Fatal(err)
		}
		w.load()
		w.want("a")
		publish("..2025_01_02", "b")
		w.polls(1)
		w.want("b")
	})
}

// swap publishes content in mount as the kubelet does.
func swap(t *testing.T, mount, date string, content []byte) {
	t.Helper()
	link := filepath.Join(mount, "..data_tmp")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(mount, date), 0o700),
		os.WriteFile(filepath.Join(mount, date, "keys.json"), content, 0o600),
		os.Symlink(date, link),
		os.Rename(link, filepath.Join(mount, "..data")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestBrokenFileKeepsTheKeysAndWarnsOnce(t *testing.T) {
	t.Parallel()
	for name, breakFile := range map[string]func(w *watched) error{
		"removed":     func(w *watched) error { return os.Remove(w.path) },
		"empty":       func(w *watched) error { return os.WriteFile(w.path, nil, 0o600) },
		"not JSON":    func(w *watched) error { return os.WriteFile(w.path, []byte("<html>"), 0o600) },
		"no keys":     func(w *watched) error { return os.WriteFile(w.path, jwks(), 0o600) },
		"unfit keys":  func(w *watched) error { return os.WriteFile(w.path, jwks(jwk{"kty": "x"}), 0o600) },
		"over 1 MiB":  func(w *watched) error { return os.WriteFile(w.path, bytes.Repeat([]byte(" "), 1<<20+1), 0o600) },
		"a directory": func(w *watched) error { return errors.Join(os.Remove(w.path), os.Mkdir(w.path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watch(t, func(t *testing.T, w *watched) {
				if err := breakFile(w); err != nil {
					t.Fatal(err)
				}
				w.polls(10)
				w.wantWhileBroken("a", "b")
				if n := w.log.count("file is broken"); n != 1 {
					t.Errorf("%d warnings:\n%s", n, w.log)
				}
				if err := os.RemoveAll(w.path); err != nil {
					t.Fatal(err)
				}
				w.write(jwks(edJWK().named("b")))
				w.polls(1)
				w.want("b")
				if w.log.count("can be read again") != 1 {
					t.Errorf("no line about the recovery:\n%s", w.log)
				}
			})
		})
	}
}

func TestFileBrokenInAnotherWayIsWarnedAboutAgain(t *testing.T) {
	t.Parallel()
	watch(t, func(t *testing.T, w *watched) {
		w.write([]byte("<html>"))
		w.polls(3)
		w.write(jwks())
		w.polls(3)
		if n := w.log.count("file is broken"); n != 2 {
			t.Errorf("%d warnings:\n%s", n, w.log)
		}
	})
}

func TestSkippedKeyInAFileIsWarnedAboutOnce(t *testing.T) {
	t.Parallel()
	watch(t, func(t *testing.T, w *watched) {
		bad := rsaJWK().with(jwk{"kid": "enc-key", "use": "enc"})
		w.write(jwks(edJWK().named("a"), bad))
		w.polls(2)
		w.write(jwks(edJWK().named("b"), bad))
		w.polls(2)
		w.want("b")
		if n := w.log.count("enc-key"); n != 1 {
			t.Errorf("%d warnings:\n%s", n, w.log)
		}
	})
}

// A file that is rewritten for ever with ever new rubbish must fill neither the
// memory nor the log: after some warnings there is silence for an hour.
func TestWarningsAboutRubbishAreForgotten(t *testing.T) {
	t.Parallel()
	watch(t, func(t *testing.T, w *watched) {
		put := func(generation int) {
			keys := []jwk{edJWK().named("a")}
			for i := range 16 {
				keys = append(keys, jwk{"kty": "x", "kid": fmt.Sprintf("rubbish-%d-%d", generation, i)})
			}
			w.write(jwks(keys...))
			w.polls(1)
		}
		put(0)
		put(1)
		put(0)
		if n := w.log.count("rubbish-0-7"); n != 1 {
			t.Errorf("%d warnings before there was anything to forget", n)
		}
		for generation := range 100 {
			put(generation)
		}
		if n := w.log.count("rubbish"); n != 64 {
			t.Errorf("%d warnings", n)
		}
		time.Sleep(time.Hour)
		put(0)
		if n := w.log.count("rubbish-0-7"); n != 2 {
			t.Errorf("%d warnings about what must be forgotten by now", n)
		}
		w.polls(10)
		if n := w.log.count("rubbish-0-7"); n != 2 {
			t.Errorf("%d warnings about a file that stays as it is", n)
		}
	})
}

func TestClosedFileSetKeepsAnswering(t *testing.T) {
	t.Parallel()
	watch(t, func(t *testing.T, w *watched) {
		for range 2 {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
		w.write(jwks(edJWK().named("b")))
		w.polls(3)
		w.want("a")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.Key(ended, "a", keyset.EdDSA); err != nil {
			t.Error(err)
		}
	})
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good", string(jwks(rsaJWK())))
	for _, test := range []struct {
		name, path string
		config     keyset.FileConfig
		want       string
	}{
		{"a missing file", filepath.Join(directory, "none"), keyset.FileConfig{}, "no such file"},
		{"a directory", directory, keyset.FileConfig{}, "not a regular file"},
		{"no JWK Set", write("html", "<html>"), keyset.FileConfig{}, "html: JWK Set: not JSON"},
		{"no usable keys", write("empty", `{"keys":[]}`), keyset.FileConfig{}, "no usable keys"},
		{"more than 1 MiB", write("huge", string(bytes.Repeat([]byte(" "), 1<<20+1))), keyset.FileConfig{}, "more than 1048576 bytes"},
		{"a negative interval", good, keyset.FileConfig{Interval: -1}, "Interval"},
		{"an algorithm that is not for RSA", good, keyset.FileConfig{RSAAlgorithm: keyset.HS256}, "RSAAlgorithm"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			file, err := keyset.Load(test.path, test.config)
			wantError(t, err, test.want)
			if file != nil {
				t.Error("a set besides the error")
			}
		})
	}
	if _, err := keyset.Load("none", keyset.FileConfig{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}
