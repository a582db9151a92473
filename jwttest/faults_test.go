package jwttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// urlOf returns where an endpoint is.
func urlOf(issuer *jwttest.Issuer, at jwttest.Endpoint) string {
	if at == jwttest.Discovery {
		return issuer.DiscoveryURL()
	}
	return issuer.JWKSURL()
}

// careful returns a client that waits no longer than patience and is not led
// to where it did not want to go.
func careful(client *http.Client, patience time.Duration) *http.Client {
	own := *client
	own.Timeout = patience
	own.CheckRedirect = func(request *http.Request, via []*http.Request) error {
		first := via[0].URL
		if len(via) > 3 || request.URL.Host != first.Host || request.URL.Scheme != first.Scheme {
			return errors.New("not followed")
		}
		return nil
	}
	return &own
}

// readable returns nil if the answer at an endpoint is of use.
func readable(ctx context.Context, client *http.Client, issuer *jwttest.Issuer, at jwttest.Endpoint) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, urlOf(issuer, at), nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	const most = 1 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return err
	case len(body) > most:
		return errors.New("too long")
	case at == jwttest.JWKS:
		return readableSet(body)
	}
	var d document
	if err := json.Unmarshal(body, &d); err != nil {
		return err
	}
	if d.Issuer != issuer.URL() || d.JWKS == "" {
		return errors.New("not the document")
	}
	return nil
}

func readableSet(body []byte) error {
	set, err := keyset.Parse(body, keyset.ParseConfig{})
	if err != nil {
		return err
	}
	if set.Keys()[0].Algorithm().Symmetric() {
		return errors.New("a secret")
	}
	return nil
}

// eachFault runs a test under each fault and over each transport. In memory it
// is in a bubble.
func eachFault(t *testing.T, test func(*testing.T, *jwttest.Issuer, *http.Client, jwttest.Fault)) {
	for _, fault := range jwttest.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			t.Run("over HTTP", func(t *testing.T) {
				t.Parallel()
				client := &http.Client{Transport: &http.Transport{}}
				t.Cleanup(client.CloseIdleConnections)
				test(t, jwttest.NewIssuer(t), client, fault)
			})
			t.Run("in memory", func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					issuer := jwttest.NewIssuer(t, jwttest.InMemory())
					test(t, issuer, issuer.Client(), fault)
				})
			})
		})
	}
}

func TestEveryFaultIsOneAndEnds(t *testing.T) {
	t.Parallel()
	for _, at := range []jwttest.Endpoint{jwttest.JWKS, jwttest.Discovery} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			eachFault(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client, fault jwttest.Fault) {
				issuer.Misbehave(fault, at)
				if err := readable(t.Context(), careful(client, 200*time.Millisecond), issuer, at); err == nil {
					t.Error("the answer is of use")
				}
				issuer.Recover()
				if err := readable(t.Context(), client, issuer, at); err != nil {
					t.Errorf("after recovery: %v", err)
				}
			})
		})
	}
}

func TestRecoveryReleasesWhoWaits(t *testing.T) {
	t.Parallel()
	for _, fault := range []jwttest.Fault{"hang", "endless drip"} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := jwttest.NewIssuer(t, jwttest.InMemory())
				issuer.Misbehave(fault)
				time.AfterFunc(time.Hour, func() { issuer.Recover() })
				start := time.Now()
				got := mustGet(t, issuer.Client(), issuer.JWKSURL())
				if took := time.Since(start); took != time.Hour || strings.TrimRight(got.body, " ") != string(issuer.JWKS()) {
					t.Errorf("%d bytes took %v", len(got.body), took)
				}
			})
		})
	}
}

// known returns nil if a set has the key.
func known(t *testing.T, set keyset.Set, key *jwttest.Key) error {
	t.Helper()
	_, err := set.Key(t.Context(), key.ID(), key.Algorithm())
	return err
}

func TestAKeySetLivesThroughEveryFault(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]func(*jwttest.Issuer, keyset.RemoteConfig) (*keyset.Remote, error){
		"fetched": func(i *jwttest.Issuer, c keyset.RemoteConfig) (*keyset.Remote, error) {
			return keyset.Fetch(i.JWKSURL(), c)
		},
		"discovered": func(i *jwttest.Issuer, c keyset.RemoteConfig) (*keyset.Remote, error) {
			return keyset.Discover(i.URL(), c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachFault(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client, fault jwttest.Fault) {
				set, err := from(issuer, keyset.RemoteConfig{
					Client: client, Logger: slog.New(slog.DiscardHandler),
					Timeout: 200 * time.Millisecond, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
					UnknownBurst: 3, UnknownInterval: time.Millisecond, UnknownWait: time.Minute,
				})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = set.Close() })
				livesThrough(t, issuer, set, fault)
			})
		})
	}
}

func livesThrough(t *testing.T, issuer *jwttest.Issuer, set *keyset.Remote, fault jwttest.Fault) {
	t.Helper()
	if err := set.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Now the first fetch has ended, so that the next is under the fault.
	if err := known(t, set, jwttest.NewKey(t, keyset.ES256)); !errors.Is(err, keyset.ErrUnknownKey) {
		t.Fatalf("of a stranger's key it says %v", err)
	}
	old := issuer.Key(keyset.ES256)
	issuer.Misbehave(fault)
	issuer.Rotate()
	issuer.Withdraw()
	fresh := issuer.Key(keyset.ES256)
	for range 2 {
		if err := known(t, set, fresh); !errors.Is(err, keyset.ErrUnavailable) {
			t.Errorf("of the new key it says %v", err)
		}
		if err := known(t, set, old); err != nil {
			t.Errorf("of the old key it says %v", err)
		}
	}

	issuer.Recover()
	for wait := time.Millisecond; known(t, set, fresh) != nil; wait *= 2 {
		if wait > 10*time.Second {
			t.Fatalf("after recovery it says %v", known(t, set, fresh))
		}
		time.Sleep(wait)
	}
	if err := known(t, set, old); !errors.Is(err, keyset.ErrUnknownKey) {
		t.Errorf("of a withdrawn key it says %v", err)
	}
}

func TestFaultsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	names := jwttest.Faults()
	slices.Sort(names)
	if n := len(slices.Compact(names)); n != len(jwttest.Faults()) || names[0] == "" {
		t.Errorf("names are %q", jwttest.Faults())
	}
}

func TestWhoFollowsARedirectIsAnswered(t *testing.T) {
	t.Parallel()
	for fault, want := range map[jwttest.Fault][2]string{
		"redirect to another host": {"https://elsewhere.test/jwks.json", "https://elsewhere.test/jwks.json"},
		"redirect to http":         {"http://issuer.test/jwks.json?followed", "http://elsewhere.test/jwks.json?followed"},
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			for n, opts := range [][]jwttest.Option{
				{jwttest.InMemory()},
				{jwttest.InMemory(), jwttest.WithURL("http://issuer.test")},
			} {
				issuer := jwttest.NewIssuer(t, opts...)
				issuer.Misbehave(fault)
				got := mustGet(t, issuer.Client(), issuer.JWKSURL())
				if all := issuer.Exchanges(); got.body != string(issuer.JWKS()) || len(all) != 2 || all[1].URL != want[n] {
					t.Errorf("from %s: exchanges are %v", issuer.URL(), all)
				}
			}
		})
	}
}

// A verifier that keeps the ETag of what it could not use would be told 304 by
// an issuer that has recovered.
func TestWhatIsOfNoUseHasTheHeaderOfAGoodAnswer(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, fault := range jwttest.Faults() {
		issuer := jwttest.NewIssuer(t, jwttest.InMemory())
		issuer.SetHeader("Cache-Control", "max-age=60")
		good := mustGet(t, issuer.Client(), issuer.JWKSURL())
		issuer.Misbehave(fault)
		response, err := careful(issuer.Client(), time.Second).Do(conditional(t, issuer.JWKSURL(), good.header.Get("ETag")))
		if err != nil {
			continue
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if response.StatusCode != http.StatusOK {
			continue
		}
		checked++
		for _, name := range []string{"ETag", "Cache-Control"} {
			if got := response.Header.Get(name); got != good.header.Get(name) {
				t.Errorf("%s: %s is %q", fault, name, got)
			}
		}
	}
	if checked < 20 {
		t.Errorf("%d faults have status 200", checked)
	}
}

// conditional is a request for what is not the same any more.
func conditional(t *testing.T, url, etag string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("If-None-Match", etag)
	return request
}

func TestKeysAreUnfitForOneReason(t *testing.T) {
	t.Parallel()
	for fault, want := range map[jwttest.Fault]string{
		"only a post-quantum key":      `key type "AKP"`,
		"only an Ed448 key":            `curve "Ed448"`,
		"only an RSA key of 1024 bits": "RSA key has 1024 bits",
		"only a key for encryption":    `use "enc"`,
		"only a private key":           "private",
		"only a secret":                "",
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			issuer := jwttest.NewIssuer(t, jwttest.InMemory())
			issuer.Misbehave(fault)
			body := mustGet(t, issuer.Client(), issuer.JWKSURL()).body
			set, err := keyset.Parse([]byte(body), keyset.ParseConfig{})
			switch {
			case want == "" && (err != nil || set.Keys()[0].Algorithm() != keyset.HS256):
				t.Errorf("it is no secret: %v", err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("it is refused for %v", err)
			}
			if kids := ids(t, []byte(body)); len(kids) != 1 || !strings.HasPrefix(kids[0], "unfit-") {
				t.Errorf("ids are %v", kids)
			}
			if again := mustGet(t, issuer.Client(), issuer.JWKSURL()).body; again != body {
				t.Error("the next answer is another")
			}
		})
	}
}

func TestAnIssuerMayMisbehaveConcurrently(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	url, client := issuer.JWKSURL(), issuer.Client()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, fault := range jwttest.Faults() {
				issuer.Misbehave(fault)
				issuer.SetDiscovery("issuer", string(fault))
				issuer.SetHeader("ETag", "")
				issuer.MoveJWKS("/keys")
				issuer.FailWith(http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}})
				_, _ = get(t.Context(), careful(client, time.Second), issuer.JWKSURL())
				_, _ = get(t.Context(), careful(&http.Client{}, time.Second), issuer.DiscoveryURL())
				_, _ = get(t.Context(), careful(client, time.Second), url)
				issuer.MoveJWKS("/jwks.json")
				issuer.Recover()
				_ = issuer.Exchanges()
				_ = issuer.Answered(http.StatusOK)
			}
		})
	}
	all.Wait()
}
