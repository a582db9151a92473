package keyset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

const interval = 5 * time.Second // UnknownInterval by default

// spend uses the burst of fetches up.
func (r *remote) spend() {
	for i := range 3 {
		_, _ = r.Key(r.t.Context(), fmt.Sprint("stranger ", i), keyset.EdDSA)
	}
}

func TestStartWithoutAnIssuer(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, hang, func(t *testing.T, r *remote) {
		r.wantUnavailable("a", time.Second)
		r.wantUnavailable("", time.Second)
		pass(10 * time.Second) // the fetch gives up
		r.wantUnavailable("a", time.Second)
		took, err := r.key("a")
		wantError(t, err, issuerURL, "no complete answer within 10s")
		if took != 0 || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v", err, took)
		}
		r.serves(edJWK().named("a"))
		pass(time.Second)
		r.wantAtOnce("a")
	})
}

func TestUnknownKidsBeforeAnyKeysCauseNoFetch(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, down, func(t *testing.T, r *remote) {
		if n := r.counting(r.spend); n != 0 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestWaitReadyReturnsWhenKeysCome(t *testing.T) {
	t.Parallel()
	slow := after(3*time.Second, body(jwks(edJWK())))
	fetched(t, keyset.RemoteConfig{}, slow, func(t *testing.T, r *remote) {
		start := time.Now()
		if err := r.WaitReady(t.Context()); err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.WaitReady(ended); err != nil {
			t.Errorf("with keys, and a context that ended: %v", err)
		}
	})
}

func TestWaitReadySaysWhyItGaveUp(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, status(http.StatusBadGateway, nil), func(t *testing.T, r *remote) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := r.WaitReady(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, keyset.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		wantError(t, err, "502 Bad Gateway", issuerURL)
	})
	fetched(t, keyset.RemoteConfig{}, hang, func(t *testing.T, r *remote) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.WaitReady(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWaitReadyEndsWithTheSet(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, hang, func(t *testing.T, r *remote) {
		time.AfterFunc(time.Second, func() { _ = r.Close() })
		err := r.WaitReady(t.Context())
		wantError(t, err, "closed")
		if !errors.Is(err, keyset.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRefreshReplacesAllKeys(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.serves(edJWK().named("b"))
		r.wantAtOnce("a")
		pass(10 * time.Minute)
		r.wantAtOnce("b")
		r.want("a", keyset.ErrUnknownKey)
		if n := r.log.count("keys in use changed"); n != 2 {
			t.Errorf("%d lines about changed keys:\n%s", n, r.log)
		}
	})
}

// changes are what an issuer, or a file, may put in the place of the key "a",
// which is for EdDSA: the new key under the old id must be used.
func changes() map[string]jwk {
	return map[string]jwk{
		"other material":    otherEdJWK().named("a"),
		"another algorithm": edJWK().with(jwk{"kid": "a", "alg": "Ed25519"}),
		"another type":      ecJWK(p256()).named("a"),
		"another issuer":    edJWK().with(jwk{"kid": "a", "issuer": "https://id.example.com"}),
	}
}

// wantReplaced checks that set has next, and nothing of what was there before.
func wantReplaced(t *testing.T, set keyset.Set, next jwk) {
	t.Helper()
	want := must(keyset.Parse(jwks(next), keyset.ParseConfig{})).Keys()[0]
	got, err := set.Key(t.Context(), "a", want.Algorithm())
	if err != nil || got.Thumbprint() != want.Thumbprint() || got.Issuer() != want.Issuer() {
		t.Errorf("the new key is not used: %v", err)
	}
	if _, err := set.Key(t.Context(), "a", keyset.EdDSA); want.Algorithm() != keyset.EdDSA && !errors.Is(err, keyset.ErrWrongAlgorithm) {
		t.Errorf("the old key is used: %v", err)
	}
}

func TestRefreshReplacesTheKeyOfAnID(t *testing.T) {
	t.Parallel()
	for name, next := range changes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
				r.serves(next)
				pass(10 * time.Minute)
				wantReplaced(t, r, next)
			})
		})
	}
}

func TestRefreshesComeWithJitterWithinTheInterval(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{RefreshInterval: time.Hour}, nil, func(t *testing.T, r *remote) {
		pass(100 * time.Hour)
		gaps := make(map[time.Duration]bool)
		for i := range r.times[1:] {
			gap := r.times[i+1].Sub(r.times[i])
			gaps[gap] = true
			if gap < 45*time.Minute || gap > 57*time.Minute {
				t.Errorf("a gap of %v", gap)
			}
		}
		if len(gaps) < 90 {
			t.Errorf("%d different gaps of %d", len(gaps), len(r.times)-1)
		}
	})
}

func TestUnchangedSetKeepsItsKeyObjects(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		before := must(r.Key(t.Context(), "a", keyset.EdDSA))
		pass(time.Hour)
		if now := must(r.Key(t.Context(), "a", keyset.EdDSA)); now != before {
			t.Error("the same key is another object")
		}
	})
}

// smallBody is a limit that makes tests of it quick.
const smallBody = 4 << 10

// bad has every way in which an issuer may fail.
func bad() map[string]answer {
	return map[string]answer{
		"down":                        down,
		"hanging":                     hang,
		"a byte a second":             drip,
		"500":                         status(http.StatusInternalServerError, nil),
		"404 with a good body":        status(http.StatusNotFound, jwks(edJWK().named("z"))),
		"201 with a good body":        status(http.StatusCreated, jwks(edJWK().named("z"))),
		"304":                         status(http.StatusNotModified, nil),
		"empty body":                  body(nil),
		"null":                        body([]byte("null")),
		"{}":                          body([]byte("{}")),
		"[]":                          body([]byte("[]")),
		"no keys":                     body(jwks()),
		"no usable keys":              body(jwks(rsaJWK().with(jwk{"use": "enc"}))),
		"secrets alone":               body(jwks(octJWK().named("z"))),
		"HTML":                        body([]byte("<html>Maintenance</html>")),
		"truncated":                   body(jwks(edJWK().named("z"))[:50]),
		"over the limit":              body(append(jwks(edJWK().named("z")), bytes.Repeat([]byte(" "), smallBody)...)),
		"endless":                     endless,
		"redirect loop":               redirect(issuerURL),
		"redirect to another host":    redirect("https://evil.example.com/jwks"),
		"redirect to another port":    redirect("https://id.example.com:8443/jwks"),
		"redirect to http":            redirect("http://id.example.com/jwks"),
		"redirect to http://loopback": redirect("http://127.0.0.1/jwks"),
		"redirect with user info":     redirect("https://user:Maintenance@id.example.com/jwks"),
		"redirect to a file":          redirect("file:///etc/passwd"),
		"redirect to nowhere":         redirect(""),
		"redirect to rubbish":         redirect("https://%zz"),
	}
}

func endless(request *http.Request) (*http.Response, error) {
	return response(request, http.StatusOK, spaces{}), nil
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestFailureKeepsTheLastGoodKeys(t *testing.T) {
	t.Parallel()
	for name, failure := range bad() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fetched(t, keyset.RemoteConfig{MaxBody: smallBody}, nil, func(t *testing.T, r *remote) {
				r.becomes(failure)
				pass(4 * time.Hour)
				r.wantAtOnce("a")
				r.wantUnavailable("b", time.Minute) // and never "unknown"
				r.wantUnavailable("z", time.Minute)
				r.wantAtOnce("a")
				if r.log.count("fetch failed") < 100 {
					t.Errorf("few failures are logged:\n%s", r.log)
				}
				if strings.Contains(r.log.String(), "Maintenance") {
					t.Errorf("the log repeats what the issuer sent:\n%s", r.log)
				}
				r.serves(edJWK().named("b"))
				pass(time.Minute + 10*time.Second) // the longest pause, and an attempt under way
				r.wantAtOnce("b")
				if r.log.count("fetch succeeded again") != 1 {
					t.Error("nothing is logged about the recovery")
				}
			})
		})
	}
}

func TestFailureAtStartLeavesTheSetUnavailable(t *testing.T) {
	t.Parallel()
	for name, failure := range bad() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fetched(t, keyset.RemoteConfig{MaxBody: smallBody}, failure, func(_ *testing.T, r *remote) {
				pass(time.Hour)
				r.wantUnavailable("a", time.Minute)
				r.wantUnavailable("", time.Minute)
				r.serves(edJWK().named("a"))
				pass(time.Minute + 10*time.Second)
				r.wantAtOnce("a")
			})
		})
	}
}

func TestRetriesBackOffWithJitter(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, down, func(t *testing.T, r *remote) {
		pass(time.Hour)
		for i, longest := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			gap := r.times[i+1].Sub(r.times[i])
			if most := longest * time.Second; gap > most || gap < most/2 {
				t.Errorf("gap %d is %v, want %v to %v", i, gap, most/2, most)
			}
		}
		if n := r.count(); n < 60 || n > 130 {
			t.Errorf("%d attempts in an hour", n)
		}
		if n := r.log.count("fetch failed"); n != r.count() {
			t.Errorf("%d failures are logged of %d", n, r.count())
		}
	})
}

func TestAnOutageAtStartSaysWhenTheNextTryIs(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]keyset.RemoteConfig{
		"by default":      {},
		"patient":         {MinBackoff: 2 * time.Minute}, // which is over the default MaxBackoff
		"in small steps":  {MinBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond},
		"in steps of one": {MinBackoff: time.Second, MaxBackoff: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fetched(t, config, down, func(t *testing.T, r *remote) {
				for range 8 {
					_, err := r.key("a")
					wait := keyset.RetryAfter(err)
					if wait <= 0 {
						t.Fatalf("again after %v", wait)
					}
					early := r.counting(func() { pass(wait - 1) })
					if onTime := r.counting(func() { pass(1) }); early != 0 || onTime != 1 {
						t.Errorf("%d fetches before the %v are over, %d then", early, wait, onTime)
					}
				}
			})
		})
	}
}

func TestUnknownKidIsFetchedForOnce(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.becomes(after(time.Second, body(jwks(edJWK().named("a"), ecJWK(p256()).named("b")))))
		n := r.counting(func() {
			var group sync.WaitGroup
			for range 100 {
				group.Go(func() {
					start := time.Now()
					key, err := r.Key(t.Context(), "b", keyset.ES256)
					if err != nil || key.ID() != "b" || time.Since(start) > time.Second {
						t.Errorf("%v, %v after %v", key, err, time.Since(start))
					}
				})
			}
			group.Wait()
		})
		if n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestRandomKidsCauseAHandfulOfFetches(t *testing.T) {
	t.Parallel()
	const most = 3 + 1 // the burst, and what one second may add
	for name, test := range map[string]struct {
		calls   func(ask func(i int))
		crowded bool // whether some are too many to wait
	}{
		"one after the other": {func(ask func(i int)) {
			for i := range 10_000 {
				ask(i)
				time.Sleep(100 * time.Microsecond)
			}
		}, false},
		"at once": {func(ask func(i int)) {
			var group sync.WaitGroup
			for first := range 2_000 { // the race detector bears some thousand goroutines
				group.Go(func() {
					for i := range 5 {
						ask(5*first + i)
					}
				})
			}
			group.Wait()
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			quick := after(50*time.Millisecond, body(jwks(edJWK().named("a"))))
			fetched(t, keyset.RemoteConfig{}, quick, func(t *testing.T, r *remote) {
				pass(time.Minute)
				var unknown, crowded atomic.Int64
				n := r.counting(func() {
					test.calls(func(i int) {
						took, err := r.key(fmt.Sprint("random ", i))
						switch {
						case errors.Is(err, keyset.ErrUnknownKey) && took <= 100*time.Millisecond: // two fetches
							unknown.Add(1)
						case errors.Is(err, keyset.ErrUnavailable) && took <= 50*time.Millisecond && keyset.RetryAfter(err) == time.Second:
							crowded.Add(1)
						default:
							t.Errorf("%v after %v", err, took)
						}
						r.wantAtOnce("a")
					})
				})
				if n < 1 || n > most {
					t.Errorf("%d fetches", n)
				}
				if unknown.Load() == 0 || test.crowded != (crowded.Load() > 0) {
					t.Errorf("%d unknown, %d crowded", unknown.Load(), crowded.Load())
				}
			})
		})
	}
}

func TestRotationIsPickedUpWithinOneIntervalUnderRandomKids(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.spend()
		r.want("b", keyset.ErrUnknownKey) // no fetch is left, and the last is fresh
		r.serves(edJWK().named("a"), edJWK().named("b"))
		n := r.counting(func() {
			for range 50 {
				time.Sleep(interval / 50)
				_, _ = r.key("stranger")
			}
		})
		r.wantAtOnce("b")
		if n != 1 {
			t.Errorf("%d fetches in one interval", n)
		}
	})
}

func TestFailedFetchMakesAnUnknownKidUnavailable(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.want("b", keyset.ErrUnknownKey)
		r.becomes(down)
		n := r.counting(func() {
			for i := range 100 {
				r.wantUnavailable(fmt.Sprint("stranger ", i), time.Second)
			}
			r.wantUnavailable("b", time.Second) // which was unknown until then
		})
		if n != 1 { // from then on only the retries
			t.Errorf("%d fetches", n)
		}
		_, err := r.key("b")
		wantError(t, err, "connection refused")
	})
}

func TestKidThatIsUnknownAfterARefreshIsUnknown(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{UnknownBurst: 1}, nil, func(_ *testing.T, r *remote) {
		r.want("b", keyset.ErrUnknownKey)
		r.becomes(down)
		pass(interval)
		r.wantUnavailable("b", interval)
		r.serves(edJWK().named("a"))
		pass(time.Second) // the retry that the failure caused
		r.want("b", keyset.ErrUnknownKey)
		pass(3 * time.Second)
		r.want("b", keyset.ErrUnknownKey)
	})
}

func TestWaiterIsBoundedByItsContext(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.becomes(hang)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := r.Key(ctx, "b", keyset.EdDSA)
		if !errors.Is(err, keyset.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// A fetch that had begun before a key was published says nothing of that key.
func TestUnknownKidDuringAFetchIsAskedForAfterIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		then answer
		want error
	}{
		"and is there": {body(jwks(edJWK().named("a"), otherEdJWK().named("b"))), nil},
		"and is not":   {body(jwks(edJWK().named("a"))), keyset.ErrUnknownKey},
		"and fails":    {down, keyset.ErrUnavailable},
		"and hangs":    {hang, keyset.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
				r.becomes(after(time.Second, body(jwks(edJWK().named("a")))))
				go func() { _, _ = r.key("stranger") }()
				pass(time.Second / 2)
				r.becomes(test.then)
				start := time.Now()
				if n := r.counting(func() { r.want("b", test.want) }); n != 1 {
					t.Errorf("%d fetches", n)
				}
				if waited := time.Since(start); waited > 2*time.Second {
					t.Errorf("waited %v", waited)
				}
			})
		})
	}
}

func TestOneWaiterThatLeavesDoesNotHurtTheOthers(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.becomes(after(time.Second, body(jwks(edJWK().named("b")))))
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := r.Key(ctx, "b", keyset.EdDSA)
			left <- err
		}()
		time.AfterFunc(time.Second/2, cancel)
		r.want("b", nil)
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the one who left: %v", err)
		}
	})
}

func TestWaiterIsBoundedByUnknownWait(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.becomes(hang)
		took, err := r.key("b")
		if !errors.Is(err, keyset.ErrUnavailable) || took != 2*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		r.wantAtOnce("a") // while the fetch hangs
	})
}

func TestWhatNeverCausesAFetch(t *testing.T) {
	t.Parallel()
	keys := body(jwks(edJWK().named("a"), ecJWK(p256()).named("b"), ecJWK(newEC(p256().Curve)).named("c"), rsaJWK()))
	for _, test := range []struct {
		name, id string
		alg      keyset.Algorithm
		want     error
	}{
		{"known id", "a", keyset.EdDSA, nil},
		{"known id, other algorithm", "a", keyset.ES256, keyset.ErrWrongAlgorithm},
		{"no id, one key fits", "", keyset.EdDSA, nil},
		{"no id, two keys fit", "", keyset.ES256, keyset.ErrUnknownKey},
		{"no id, no key fits", "", keyset.ES512, keyset.ErrWrongAlgorithm},
		{"unknown id, a key without id fits", "x", keyset.RS256, nil},
		{"unknown id, HMAC", "x", keyset.HS256, keyset.ErrWrongAlgorithm},
		{"unknown id, none", "x", "none", keyset.ErrWrongAlgorithm},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fetched(t, keyset.RemoteConfig{}, keys, func(t *testing.T, r *remote) {
				n := r.counting(func() {
					if _, err := r.Key(t.Context(), test.id, test.alg); !errors.Is(err, test.want) {
						t.Errorf("got %v", err)
					}
				})
				if n != 0 {
					t.Errorf("%d fetches", n)
				}
			})
		})
	}
}

func TestUnknownKidForAnAlgorithmThatIsNewIsFetchedFor(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.serves(edJWK().named("a"), ecJWK(p256()).named("b"))
		if _, err := r.Key(t.Context(), "b", keyset.ES256); err != nil {
			t.Error(err)
		}
		if _, err := r.Key(t.Context(), "c", keyset.RS256); !errors.Is(err, keyset.ErrWrongAlgorithm) {
			t.Error(err)
		}
	})
}

func TestSecretsFromAURLAreSkipped(t *testing.T) {
	t.Parallel()
	mixed := body(jwks(octJWK().named("s"), edJWK().named("a")))
	fetched(t, keyset.RemoteConfig{}, mixed, func(t *testing.T, r *remote) {
		r.wantAtOnce("a")
		if key, err := r.Key(t.Context(), "s", keyset.HS256); err == nil {
			t.Errorf("got %v", key)
		}
		if r.log.count("secrets are not accepted") != 1 || strings.Contains(r.log.String(), b64([]byte(secretText))) {
			t.Errorf("log:\n%s", r.log)
		}
	})
}

func TestSkippedKeysAreWarnedAboutOnce(t *testing.T) {
	t.Parallel()
	mixed := body(jwks(edJWK().named("a"), jwk{"kty": "AKP", "kid": "quantum"}))
	fetched(t, keyset.RemoteConfig{}, mixed, func(t *testing.T, r *remote) {
		pass(24 * time.Hour)
		r.spend()
		if n := r.log.count("quantum"); n != 1 {
			t.Errorf("%d warnings", n)
		}
	})
}

func TestSetOfRubbishFillsNoLog(t *testing.T) {
	t.Parallel()
	keys := []jwk{edJWK().named("a")}
	for i := range 1_000 {
		keys = append(keys, jwk{"kty": "x", "kid": fmt.Sprint("rubbish ", i, strings.Repeat("x", 30))})
	}
	fetched(t, keyset.RemoteConfig{}, body(jwks(keys...)), func(t *testing.T, r *remote) {
		pass(time.Hour)
		if n := strings.Count(r.log.String(), "\n"); n > 20 {
			t.Errorf("%d lines", n)
		}
		r.wantAtOnce("a")
	})
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	content := jwks(edJWK().named("a"))
	for limit, want := range map[int]error{len(content): nil, len(content) - 1: keyset.ErrUnavailable} {
		fetched(t, keyset.RemoteConfig{MaxBody: int64(limit)}, body(content), func(_ *testing.T, r *remote) {
			r.want("a", want)
		})
	}
}

func TestTimeoutIsOfTheWholeFetch(t *testing.T) {
	t.Parallel()
	takes := time.Duration(len(jwks(edJWK()))) * time.Second // for drip's body
	for name, test := range map[string]struct {
		timeout time.Duration
		want    error
	}{
		"enough":  {takes + time.Second, nil},
		"too few": {takes - time.Second, keyset.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fetched(t, keyset.RemoteConfig{Timeout: test.timeout}, drip, func(_ *testing.T, r *remote) {
				pass(test.timeout)
				r.want("", test.want)
			})
		})
	}
}

func TestCloseDuringAFetch(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.becomes(hang)
		waiter := make(chan error, 1)
		go func() {
			_, err := r.key("b")
			waiter <- err
		}()
		synctest.Wait()
		start := time.Now()
		for range 2 {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := <-waiter; !errors.Is(err, keyset.ErrUnavailable) || time.Since(start) != 0 {
			t.Errorf("waiter: %v after %v", err, time.Since(start))
		}
		if r.log.count("fetch failed") != 0 {
			t.Errorf("closing reads as a failure:\n%s", r.log)
		}
	})
}

func TestClosedRemoteSetKeepsAnswering(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		_ = r.Close()
		n := r.counting(func() {
			pass(24*time.Hour - 1)
			r.wantAtOnce("a")
			r.want("", nil)
			r.want("b", keyset.ErrUnavailable)
			if err := r.WaitReady(t.Context()); err != nil {
				t.Error(err)
			}
			pass(1)
			r.want("a", keyset.ErrUnavailable)
			if err := r.WaitReady(t.Context()); !errors.Is(err, keyset.ErrUnavailable) {
				t.Error(err)
			}
		})
		if n != 0 {
			t.Errorf("%d fetches", n)
		}
		_, err := r.key("b")
		wantError(t, err, "closed")
	})
}

func TestClosedBeforeAnyKeys(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, down, func(t *testing.T, r *remote) {
		_ = r.Close()
		_, err := r.key("a")
		wantError(t, err, "closed")
		if !errors.Is(err, keyset.ErrUnavailable) || keyset.RetryAfter(err) != 0 {
			t.Errorf("got %v", err)
		}
	})
}

func TestManyReadersWhileKeysRotate(t *testing.T) {
	t.Parallel()
	config := keyset.RemoteConfig{RefreshInterval: time.Second}
	fetched(t, config, nil, func(t *testing.T, r *remote) {
		var group sync.WaitGroup
		for reader := range 20 {
			group.Go(func() {
				for i := range 200 {
					r.wantAtOnce("a")
					_, _ = r.Key(t.Context(), fmt.Sprint(reader, i), keyset.EdDSA)
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		for i := range 20 {
			r.serves(edJWK().named("a"), edJWK().named(fmt.Sprint("generation ", i)))
			time.Sleep(time.Second)
		}
		group.Wait()
	})
}

// The bubble fails the test if a goroutine is left when its function returns.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	t.Parallel()
	for name, behaviour := range map[string]answer{"up": body(jwks(edJWK())), "down": down, "hanging": hang, "dripping": drip} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := &http.Client{Transport: &issuer{answer: behaviour}}
				set := must(keyset.Fetch(issuerURL, keyset.RemoteConfig{Client: client, Logger: new(record).logger()}))
				time.Sleep(3 * time.Second)
				if err := set.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestSecondOutageBeginsWithAShortPause(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, down, func(t *testing.T, r *remote) {
		pass(time.Hour)
		r.serves(edJWK().named("a"))
		pass(time.Hour)
		if n := r.log.count("fetch succeeded again"); n != 1 {
			t.Errorf("%d lines about the recovery", n)
		}
		r.becomes(down)
		r.wantUnavailable("b", interval)
		r.serves(edJWK().named("a"), edJWK().named("b"))
		if n := r.counting(func() { pass(time.Second) }); n != 1 {
			t.Errorf("%d fetches in the second after the failure", n)
		}
		r.wantAtOnce("b")
	})
}

func TestALateWaiterWhoseKeyComesAsksNoMore(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.becomes(after(time.Second, body(jwks(edJWK().named("a"), otherEdJWK().named("b")))))
		go func() { _, _ = r.key("stranger") }()
		pass(time.Second / 2)
		if n := r.counting(func() { r.want("b", nil) }); n != 0 {
			t.Errorf("%d more fetches", n)
		}
	})
}

func TestARecoveryIsLoggedAfterOneFailure(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.becomes(down)
		_, _ = r.key("b")
		r.serves(edJWK().named("a"))
		pass(time.Second)
		if r.log.count("fetch succeeded again") != 1 {
			t.Errorf("log:\n%s", r.log)
		}
	})
}

func TestWhoWaitedInVainMayComeBackSoon(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(_ *testing.T, r *remote) {
		r.becomes(hang)
		r.wantUnavailable("b", time.Second)
	})
}

func TestTheBudgetSurvivesAClockThatGoesBack(t *testing.T) {
	t.Parallel()
	var back atomic.Int64
	config := keyset.RemoteConfig{UnknownBurst: 1, Clock: func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }}
	fetched(t, config, nil, func(t *testing.T, r *remote) {
		_, _ = r.key("x")
		back.Store(int64(time.Hour))
		_, _ = r.key("y")
		pass(interval)
		if n := r.counting(func() { _, _ = r.key("z") }); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

// A token that names a key is not checked with a key that has no name before the
// issuer was asked: it would read as forged in the middle of a rotation.
func TestANewIDBesideAKeyWithoutOneIsAskedFor(t *testing.T) {
	t.Parallel()
	mixed := body(jwks(otherEdJWK().named("a"), edJWK()))
	fetched(t, keyset.RemoteConfig{}, mixed, func(t *testing.T, r *remote) {
		key, err := r.Key(t.Context(), "b", keyset.EdDSA)
		if err != nil || key.ID() != "" {
			t.Errorf("an issuer without it: %v, %v", key, err)
		}
		pass(10 * time.Second)
		r.serves(otherEdJWK().named("a"), edJWK(), otherEdJWK().named("b"))
		if key, err := r.Key(t.Context(), "b", keyset.EdDSA); err != nil || key.ID() != "b" {
			t.Errorf("a rotation: %v, %v", key, err)
		}
		r.becomes(down)
		r.wantUnavailable("c", time.Minute)
	})
}

func TestKeysWithoutIDsThatCannotBeToldApartAreWarnedAbout(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, body(jwks(edJWK())), func(t *testing.T, r *remote) {
		r.serves(edJWK(), otherEdJWK())
		pass(time.Hour)
		r.want("", keyset.ErrUnknownKey)
		if n := r.log.count("tokens can't say which key they need"); n != 1 {
			t.Errorf("%d warnings", n)
		}
	})
}

// Waiters that leave make room for others.
func TestThoseWhoLeftAreNotWaiting(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		r.becomes(after(1500*time.Millisecond, body(jwks(edJWK().named("a"), otherEdJWK().named("b")))))
		for i := range 1024 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			go func() {
				defer cancel()
				_, _ = r.Key(ctx, fmt.Sprint(i), keyset.EdDSA)
			}()
		}
		pass(100 * time.Millisecond)
		r.want("b", nil)
	})
}

// An issuer that fails every other time costs no more than the budget.
func TestAFlappingIssuerIsNotAskedMoreOften(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
		odd := false
		r.becomes(func(request *http.Request) (*http.Response, error) {
			if odd = !odd; odd {
				return down(request)
			}
			return body(jwks(edJWK().named("a")))(request)
		})
		n := r.counting(func() {
			for i := range 600 {
				_, _ = r.key(fmt.Sprint(i))
				pass(time.Second)
			}
		})
		if n > 3+600/5+10 {
			t.Errorf("%d fetches in 10 minutes", n)
		}
	})
}

func TestAnotherOrderIsNoChange(t *testing.T) {
	t.Parallel()
	b := otherEdJWK().named("b")
	fetched(t, keyset.RemoteConfig{}, body(jwks(edJWK().named("a"), b)), func(t *testing.T, r *remote) {
		r.serves(b, edJWK().named("a"))
		pass(time.Hour)
		if r.Snapshot().Generation() != 1 || r.log.count("keys in use changed") != 1 {
			t.Errorf("log:\n%s", r.log)
		}
	})
}

// Retries can spend the budget; what the last good fetch brought is then not fresh
// enough to say that an id is unknown.
func TestABudgetThatRetriesSpentIsNoProof(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{UnknownBurst: 1}, nil, func(t *testing.T, r *remote) {
		r.becomes(down)
		r.wantUnavailable("x", time.Second) // the budget
		r.serves(edJWK().named("a"))
		pass(time.Second) // and the retry
		r.serves(edJWK().named("a"), otherEdJWK().named("b"))
		since := time.Now()
		for {
			_, err := r.key("b")
			if err == nil {
				break
			}
			if errors.Is(err, keyset.ErrUnknownKey) && time.Since(since) >= interval {
				t.Fatalf("unknown %v after the last fetch", time.Since(since))
			}
			pass(time.Second)
		}
		if late := time.Since(since); late > 2*interval {
			t.Errorf("picked up after %v", late)
		}
	})
}

// A key without an id that verified tokens with ids of their own goes on doing so
// in an outage: the issuer had no other.
func TestAKeyWithoutAnIDServesInAnOutage(t *testing.T) {
	t.Parallel()
	mixed := body(jwks(otherEdJWK().named("a"), edJWK()))
	fetched(t, keyset.RemoteConfig{}, mixed, func(_ *testing.T, r *remote) {
		r.wantAtOnce("b")
		r.becomes(down)
		pass(time.Hour)
		r.wantAtOnce("b")
		r.wantUnavailable("c", time.Minute)
	})
}
