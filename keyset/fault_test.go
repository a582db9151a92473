package keyset_test

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// Whatever goes wrong at either endpoint, known keys stay, an id that is new is
// never called unknown, and all is well again one retry after the issuer is.
func TestWhateverGoesWrongKnownKeysStay(t *testing.T) {
	t.Parallel()
	for _, at := range []jwttest.Endpoint{jwttest.JWKS, jwttest.Discovery} {
		for _, fault := range jwttest.Faults() {
			t.Run(string(at)+"/"+string(fault), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					issuer := jwttest.NewIssuer(t, jwttest.InMemory())
					before := issuer.Key(keyset.ES256).ID()
					log := new(record)
					set := must(keyset.Discover(issuer.URL(), keyset.RemoteConfig{Client: issuer.Client(), Logger: log.logger()}))
					defer func() { _ = set.Close() }()
					synctest.Wait()

					issuer.Misbehave(fault, at)
					issuer.Rotate()
					after := issuer.Key(keyset.ES256).ID()
					want := func(id string, wanted error) {
						t.Helper()
						if _, err := set.Key(t.Context(), id, keyset.ES256); !errors.Is(err, wanted) {
							t.Errorf("key %s: %v", id, err)
						}
					}
					pass(70 * time.Minute) // by then the document was looked at, too
					want(before, nil)
					if at == jwttest.JWKS {
						want(after, keyset.ErrUnavailable)
					} else {
						want(after, nil) // the keys are where they were
					}
					if log.count("failed") == 0 {
						t.Error("nothing is logged")
					}
					issuer.Recover()
					issuer.Withdraw()
					pass(10*time.Minute + 20*time.Second)
					want(after, nil)
					want(before, keyset.ErrUnknownKey)
				})
			})
		}
	}
}

// A set that never had keys says that it can't tell, whatever goes wrong.
func TestWhateverGoesWrongAtTheStartIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, fault := range jwttest.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := jwttest.NewIssuer(t, jwttest.InMemory())
				id := issuer.Key(keyset.ES256).ID()
				issuer.Misbehave(fault)
				set := must(keyset.Fetch(issuer.JWKSURL(), keyset.RemoteConfig{Client: issuer.Client(), Logger: new(record).logger()}))
				defer func() { _ = set.Close() }()
				pass(5 * time.Minute)
				if _, err := set.Key(t.Context(), id, keyset.ES256); !errors.Is(err, keyset.ErrUnavailable) || set.Ready() {
					t.Errorf("got %v", err)
				}
				issuer.Recover()
				pass(time.Minute + 10*time.Second)
				if _, err := set.Key(t.Context(), id, keyset.ES256); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// counted is a body that counts what is read of it.
type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func TestNoMoreIsReadThanTheLimit(t *testing.T) {
	t.Parallel()
	var read atomic.Int64
	endless := func(request *http.Request) (*http.Response, error) {
		return response(request, http.StatusOK, counted{spaces{}, &read}), nil
	}
	fetched(t, keyset.RemoteConfig{}, endless, func(t *testing.T, r *remote) {
		r.wantUnavailable("a", time.Second)
		if n := read.Load(); n != 1<<20+1 {
			t.Errorf("%d bytes are read", n)
		}
	})
}
