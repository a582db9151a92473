package keyset_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// restarting runs lives one after the other: each gets a set of its own, whose
// issuer answers as told, and the same snapshot file.
func restarting(t *testing.T, lives ...life) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys.snapshot")
		for _, life := range lives {
			life.run(t, path)
		}
	})
}

// life is one start of a process.
type life struct {
	url     string // issuerURL if empty
	config  keyset.RemoteConfig
	answer  answer
	prepare func(t *testing.T, path string) // may be nil
	do      func(t *testing.T, r *remote)
}

func (l life) run(t *testing.T, path string) {
	t.Helper()
	if l.prepare != nil {
		l.prepare(t, path)
	}
	r := &remote{issuer: &issuer{answer: l.answer}, t: t, log: new(record)}
	l.config.Client = &http.Client{Transport: r.issuer}
	l.config.Logger = r.log.logger()
	l.config.SnapshotFile = path
	if l.url == "" {
		l.url = issuerURL
	}
	set, err := keyset.Fetch(l.url, l.config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = set.Close() }()
	r.Remote = set
	l.do(t, r)
}

// good is a start with an issuer that works.
func good() life {
	return life{answer: body(jwks(edJWK().named("a"))), do: func(*testing.T, *remote) { synctest.Wait() }}
}

func TestStartDuringAnOutageUsesTheSnapshotFile(t *testing.T) {
	t.Parallel()
	restarting(t, good(), life{answer: down, do: func(t *testing.T, r *remote) {
		r.wantAtOnce("a") // as soon as the constructor returns
		if !r.Ready() || r.WaitReady(t.Context()) != nil {
			t.Error("not ready")
		}
		if r.log.count("started with the snapshot file") != 1 {
			t.Errorf("log:\n%s", r.log)
		}
		pass(time.Hour)
		r.wantAtOnce("a")
		r.wantUnavailable("b", time.Minute)
		r.serves(edJWK().named("b"))
		pass(time.Minute)
		r.wantAtOnce("b")
		r.want("a", keyset.ErrUnknownKey)
	}})
}

func TestSnapshotFileIsReadableByItsOwnerOnly(t *testing.T) {
	t.Parallel()
	restarting(t, good(), life{answer: down, do: func(*testing.T, *remote) {}, prepare: func(t *testing.T, path string) {
		info, err := os.Stat(path)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
			t.Errorf("beside it: %v, %v", entries, err)
		}
	}})
}

func TestKeysInASnapshotFileKeepTheirAge(t *testing.T) {
	t.Parallel()
	wait := func(d time.Duration) func(*testing.T, string) {
		return func(*testing.T, string) { time.Sleep(d) }
	}
	restarting(t,
		good(),
		life{answer: down, prepare: wait(20 * time.Hour), do: func(t *testing.T, r *remote) {
			r.wantAtOnce("a")
			if age := r.Status().Age; age != 20*time.Hour {
				t.Errorf("age %v", age)
			}
			pass(4*time.Hour - 1)
			r.wantAtOnce("a")
			pass(1)
			r.wantUnavailable("a", time.Minute)
		}},
		life{answer: down, do: func(t *testing.T, r *remote) { // which failed fetches made no younger
			r.wantUnavailable("a", time.Minute)
			if r.Ready() || r.log.count("older than 24h") != 1 {
				t.Errorf("log:\n%s", r.log)
			}
		}},
	)
}

func TestAFreshSnapshotFileSparesTheIssuer(t *testing.T) {
	t.Parallel()
	restarting(t, good(),
		life{
			answer:  body(jwks(edJWK().named("a"), otherEdJWK().named("b"))),
			prepare: func(*testing.T, string) { time.Sleep(5 * time.Minute) },
			do: func(t *testing.T, r *remote) {
				pass(2 * time.Minute)
				r.wantAtOnce("a")
				if n := r.count(); n != 0 {
					t.Errorf("%d fetches", n)
				}
				r.want("b", nil) // for which it asks at once
				pass(10 * time.Minute)
				if n := r.count(); n != 2 {
					t.Errorf("%d fetches", n)
				}
			},
		},
		life{
			answer:  body(jwks(edJWK().named("a"))),
			prepare: func(*testing.T, string) { time.Sleep(10 * time.Minute) },
			do: func(t *testing.T, r *remote) {
				r.wantAtOnce("b")
				synctest.Wait()
				if n := r.count(); n != 1 {
					t.Errorf("%d fetches at once, of keys that are due", n)
				}
			},
		},
	)
}

func TestSnapshotFileIsKeptUpToDate(t *testing.T) {
	t.Parallel()
	restarting(t,
		life{answer: withHeader(jwks(edJWK().named("a")), "ETag", "x"), do: func(_ *testing.T, r *remote) {
			synctest.Wait()
			r.becomes(honest(jwks(edJWK().named("a")), "ETag", "x")) // which confirms them for a day
			pass(23 * time.Hour)
		}},
		life{answer: down, do: func(t *testing.T, r *remote) {
			r.wantAtOnce("a")
			if age := r.Status().Age; age > 10*time.Minute {
				t.Errorf("age %v", age)
			}
			r.serves(otherEdJWK().named("b"))
			pass(10 * time.Minute)
		}},
		life{answer: down, do: func(_ *testing.T, r *remote) {
			r.wantAtOnce("b")
			r.wantUnavailable("a", time.Minute)
		}},
	)
}

// replacing changes the content of a snapshot file.
func replacing(change func(content []byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		content, err := os.ReadFile(path) //nolint:gosec // the test's own
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, change(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// member changes one member of a snapshot file.
func member(name string, value any) func(*testing.T, string) {
	return replacing(func(content []byte) []byte {
		var members map[string]any
		if err := json.Unmarshal(content, &members); err != nil {
			panic(err)
		}
		members[name] = value
		return must(json.Marshal(members))
	})
}

func TestSnapshotFileThatIsNoUseIsIgnored(t *testing.T) {
	t.Parallel()
	mode := func(mode os.FileMode) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			t.Helper()
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  string
	}{
		"empty":                   {replacing(func([]byte) []byte { return nil }), "not a snapshot"},
		"cut short":               {replacing(func(c []byte) []byte { return c[:len(c)-10] }), "not a snapshot"},
		"no JSON":                 {replacing(func([]byte) []byte { return []byte("Maintenance") }), "not a snapshot"},
		"null":                    {replacing(func([]byte) []byte { return []byte("null") }), "version 0"},
		"a bare JWK Set":          {replacing(func([]byte) []byte { return jwks(edJWK().named("a")) }), "version 0"},
		"something after it":      {replacing(func(c []byte) []byte { return append(c, "{}"...) }), "not a snapshot"},
		"huge":                    {replacing(func(c []byte) []byte { return append(c, bytes.Repeat([]byte(" "), 2<<20)...) }), "more than"},
		"of a later version":      {member("version", 2), "version 2"},
		"of another issuer":       {member("source", "https://other.example.com/jwks"), "other.example.com"},
		"of another key URL":      {member("source", issuerURL+"?tenant=2"), "it is of"},
		"of no issuer":            {member("source", ""), "it is of"},
		"from the future":         {member("fetched", "2000-01-01T00:02:00Z"), "future"},
		"from long ago":           {member("fetched", "1999-12-30T00:00:00Z"), "older than"},
		"of no time":              {member("fetched", nil), "older than"},
		"without keys":            {member("jwks", ""), "unexpected EOF"},
		"with no key":             {member("jwks", jwks()), "no usable keys"},
		"with unfit keys":         {member("jwks", jwks(octJWK())), "no usable keys"},
		"that anybody may write":  {mode(0o602), "others may write"},
		"that is a directory":     {func(t *testing.T, path string) { t.Helper(); _ = os.Remove(path); _ = os.Mkdir(path, 0o700) }, "not a regular file"},
		"that leads to /dev/zero": {func(t *testing.T, path string) { t.Helper(); _ = os.Remove(path); _ = os.Symlink("/dev/zero", path) }, ""},
		"that leads nowhere":      {func(t *testing.T, path string) { t.Helper(); _ = os.Remove(path); _ = os.Symlink("nowhere", path) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			restarting(t, good(), life{answer: down, prepare: test.spoil, do: func(t *testing.T, r *remote) {
				r.wantUnavailable("a", time.Minute)
				if test.want != "" && (r.log.count("snapshot file ignored") != 1 || r.log.count(test.want) == 0) {
					t.Errorf("want %q in the log:\n%s", test.want, r.log)
				}
				if strings.Contains(r.log.String(), "Maintenance") {
					t.Error("the log repeats the file")
				}
				r.serves(edJWK().named("a"))
				pass(time.Minute)
				r.wantAtOnce("a")
			}})
		})
	}
}

func TestSnapshotFileThatCannotBeWrittenIsWarnedAboutOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		life{answer: body(jwks(edJWK().named("a"))), do: func(t *testing.T, r *remote) {
			t.Helper()
			pass(time.Hour)
			r.wantAtOnce("a")
			if n := r.log.count("snapshot file can't be written"); n != 1 {
				t.Errorf("%d warnings:\n%s", n, r.log)
			}
			if r.log.count("fetch failed") != 0 || r.Status().Err != nil {
				t.Error("it counts as a fetch that failed")
			}
		}}.run(t, filepath.Join(t.TempDir(), "no such directory", "keys"))
	})
}

func TestSnapshotFileOfAURLWithAQueryIsItsOwn(t *testing.T) {
	t.Parallel()
	first, second := good(), good()
	first.url, second.url = issuerURL+"?key=hunter2", issuerURL+"?key=hunter3"
	second.answer = down
	second.do = func(_ *testing.T, r *remote) { r.wantUnavailable("a", time.Minute) }
	second.prepare = func(t *testing.T, path string) {
		content, err := os.ReadFile(path) //nolint:gosec // the test's own
		if err != nil || bytes.Contains(content, []byte("hunter")) {
			t.Errorf("the file has the query, or is not there: %v", err)
		}
	}
	third := second
	third.url, third.prepare = first.url, nil
	third.do = func(_ *testing.T, r *remote) { r.wantAtOnce("a") }
	restarting(t, first, second, third)
}

func TestSnapshotFileOfALittleLaterIsOfNow(t *testing.T) {
	t.Parallel()
	restarting(t, good(), life{
		answer: down, prepare: member("fetched", "2000-01-01T00:00:59Z"),
		do: func(t *testing.T, r *remote) {
			if until := time.Until(r.Snapshot().ValidUntil()); until > 24*time.Hour {
				t.Errorf("valid for %v", until)
			}
			if next := time.Until(r.Status().Next); next > 10*time.Minute*95/100 {
				t.Errorf("next in %v", next)
			}
		},
	})
}

func TestStatusTellsTheFirstFetchAfterAFreshSnapshotFile(t *testing.T) {
	t.Parallel()
	restarting(t, good(), life{answer: down, do: func(t *testing.T, r *remote) {
		if next := time.Until(r.Status().Next); next < 7*time.Minute || next > 10*time.Minute {
			t.Errorf("next in %v", next)
		}
	}})
}

func TestSnapshotFileIsNotWrittenWithEachFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys")
		life{answer: body(jwks(edJWK().named("a"))), do: func(t *testing.T, r *remote) {
			synctest.Wait()
			before := string(must(os.ReadFile(path))) //nolint:gosec // the test's own
			r.want("x", keyset.ErrUnknownKey)
			pass(6 * time.Second)
			r.want("y", keyset.ErrUnknownKey)
			synctest.Wait()
			if string(must(os.ReadFile(path))) != before { //nolint:gosec // the test's own
				t.Error("written again within seconds")
			}
		}}.run(t, path)
	})
}

func TestSnapshotFileOfASetAtTheLimit(t *testing.T) {
	t.Parallel()
	content := jwks(edJWK().named("a").with(jwk{"x-filler": strings.Repeat("x", 4<<10)}))
	first, second := good(), life{answer: down, do: func(_ *testing.T, r *remote) { r.wantAtOnce("a") }}
	first.answer = body(content)
	first.config.MaxBody = int64(len(content))
	second.config.MaxBody = int64(len(content))
	restarting(t, first, second)
}

func TestNewKeysAreSavedAtOnce(t *testing.T) {
	t.Parallel()
	restarting(t,
		life{answer: body(jwks(edJWK().named("a"))), do: func(_ *testing.T, r *remote) {
			synctest.Wait()
			r.serves(edJWK().named("a"), otherEdJWK().named("b"))
			r.want("b", nil) // seconds after the first
			synctest.Wait()
		}},
		life{answer: down, do: func(_ *testing.T, r *remote) { r.wantAtOnce("b") }})
}

func TestSnapshotFileThatCannotBeReplacedLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys")
		_ = os.MkdirAll(filepath.Join(path, "full"), 0o700) // a rename can't replace it
		life{answer: body(jwks(edJWK().named("a"))), do: func(t *testing.T, r *remote) {
			pass(time.Hour)
			if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
				t.Errorf("%d files are left behind", len(left)-1)
			}
			_ = os.RemoveAll(path)
			pass(time.Hour) // it can
			_ = os.Remove(path)
			_ = os.MkdirAll(filepath.Join(path, "full"), 0o700)
			pass(time.Hour)
			if n := r.log.count("can't be written"); n != 2 {
				t.Errorf("%d warnings", n)
			}
		}}.run(t, path)
	})
}

// What is left out of a set when it is fetched must be left out when it is read
// again, and must not keep the rest from being read.
func TestSnapshotFileHoldsWhatWasFetched(t *testing.T) {
	t.Parallel()
	a := string(must(json.Marshal(edJWK().named("a"))))
	for name, content := range map[string]string{
		"a key with a member given twice":  `{"keys":[` + a + `,{"kty":"EC","kty":"EC"}]}`,
		"a member given twice beside keys": `{"a":1,"a":2,"keys":[` + a + `]}`,
		"a key that is no UTF-8":           `{"keys":[` + a + `,` + strings.Replace(a, `"a"`, "\"b\xff\"", 1) + `]}`,
		"a number that no float holds":     `{"n":1e999,"keys":[` + a + `]}`,
		"much white space":                 `{ "keys" : [ ` + strings.Repeat(" ", 1000) + a + ` ] } `,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var before int
			restarting(t,
				life{answer: body([]byte(content)), do: func(_ *testing.T, r *remote) {
					synctest.Wait()
					r.wantAtOnce("a")
					before = r.Status().Keys
				}},
				life{answer: down, do: func(t *testing.T, r *remote) {
					r.wantAtOnce("a")
					if now := r.Status().Keys; now != before {
						t.Errorf("%d keys were fetched, %d are read", before, now)
					}
				}})
		})
	}
}

// On a volume with an fsGroup Kubernetes lets the pod's group write.
func TestSnapshotFileThatTheOwnGroupMayWriteIsRead(t *testing.T) {
	t.Parallel()
	restarting(t, good(), life{answer: down, prepare: func(t *testing.T, path string) {
		if err := errors.Join(os.Chmod(path, 0o660), os.Chown(path, -1, os.Getegid())); err != nil { //nolint:gosec // what Kubernetes does
			t.Fatal(err)
		}
	}, do: func(_ *testing.T, r *remote) { r.wantAtOnce("a") }})
}

// Two sources whose names are alike as far as names are shown.
func TestSnapshotFileOfALongURLIsItsOwn(t *testing.T) {
	t.Parallel()
	long := issuerURL + "/" + strings.Repeat("x", 400)
	first, second := good(), life{answer: down, do: func(_ *testing.T, r *remote) { r.wantUnavailable("a", time.Minute) }}
	first.url, second.url = long+"/one", long+"/two"
	restarting(t, first, second)
}
