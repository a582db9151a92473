package keyset_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

const (
	issuerName  = "https://id.example.com/realms/one"
	documentURL = issuerName + "/.well-known/openid-configuration"
	keysURL     = "https://keys.example.com/one"
)

// provider is an issuer whose answers depend on the URL.
type provider struct {
	*issuer
	answers map[string]answer
}

func newProvider(answers map[string]answer) *provider {
	p := &provider{issuer: new(issuer), answers: answers}
	p.becomes(func(request *http.Request) (*http.Response, error) {
		p.mu.Lock()
		answer, ok := p.answers[request.URL.String()]
		p.mu.Unlock()
		if !ok {
			return response(request, http.StatusNotFound, strings.NewReader("")), nil
		}
		return answer(request)
	})
	return p
}

// at changes the answer at a URL; a nil one is 404.
func (p *provider) at(url string, a answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a == nil {
		delete(p.answers, url)
		return
	}
	p.answers[url] = a
}

// asks returns how many requests there were for a URL.
func (p *provider) asks(url string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, asked := range p.requests {
		if asked == url {
			n++
		}
	}
	return n
}

// discovery is the document of an issuer.
func discovery(issuer, jwksURI string) answer {
	return body([]byte(fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q,"response_types_supported":["code"]}`, issuer, jwksURI)))
}

// discovered runs test with a set for issuerName, whose provider has one key
// unless answers say otherwise.
func discovered(t *testing.T, config keyset.RemoteConfig, answers map[string]answer, test func(t *testing.T, r *remote, p *provider)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		all := map[string]answer{documentURL: discovery(issuerName, keysURL), keysURL: body(jwks(edJWK().named("a")))}
		for url, answer := range answers {
			all[url] = answer
		}
		p := newProvider(all)
		r := &remote{issuer: p.issuer, t: t, log: new(record)}
		config.Client = &http.Client{Transport: p.issuer}
		config.Logger = r.log.logger()
		set, err := keyset.Discover(issuerName, config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = set.Close() })
		r.Remote = set
		synctest.Wait()
		test(t, r, p)
	})
}

func TestDiscoverFindsTheKeys(t *testing.T) {
	t.Parallel()
	discovered(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote, p *provider) {
		r.wantAtOnce("a")
		if r.Issuer() != issuerName {
			t.Errorf("issuer %q", r.Issuer())
		}
		r.want("b", keyset.ErrUnknownKey)
		if p.asks(documentURL) != 2 || p.asks(keysURL) != 2 { // an id that is missing may be at another place
			t.Errorf("%q", p.requests)
		}
		if r.log.count("issuer="+issuerName) == 0 {
			t.Errorf("log:\n%s", r.log)
		}
	})
}

func TestWhichDiscoveryDocumentsAreBelieved(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		document answer
		want     string // "" means that it is
	}{
		"a good one":                 {discovery(issuerName, keysURL), ""},
		"another member twice":       {body([]byte(`{"issuer":"` + issuerName + `","x":[1,{"y":2}],"x":1,"jwks_uri":"` + keysURL + `"}`)), ""},
		"two places of keys":         {body([]byte(`{"issuer":"` + issuerName + `","jwks_uri":"` + keysURL + `","jwks_uri":"` + keysURL + `"}`)), "given twice"},
		"an endless place":           {discovery(issuerName, keysURL+strings.Repeat("x", 1<<20-200)), "jwks_uri: not a URL"},
		"something after it":         {body([]byte(`{"issuer":"` + issuerName + `","jwks_uri":"` + keysURL + `"}{}`)), "data after"},
		"half of it":                 {body([]byte(`{"issuer":"` + issuerName + `","jwks_uri":"` + keysURL + `"`)), "unexpected EOF"},
		"keys on another port":       {discovery(issuerName, "https://id.example.com:8443/keys"), ""},
		"another issuer":             {discovery("https://evil.example.com", keysURL), `"https://evil.example.com"`},
		"a trailing slash":           {discovery(issuerName+"/", keysURL), "it is for the issuer"},
		"other letters":              {discovery("https://ID.example.com/realms/one", keysURL), "it is for the issuer"},
		"no issuer":                  {body([]byte(`{"jwks_uri":"` + keysURL + `"}`)), "it is for the issuer"},
		"an issuer in capitals":      {body([]byte(`{"ISSUER":"` + issuerName + `","jwks_uri":"` + keysURL + `"}`)), "it is for the issuer"},
		"two issuers":                {body([]byte(`{"issuer":"x","issuer":"` + issuerName + `","jwks_uri":"` + keysURL + `"}`)), "given twice"},
		"no jwks_uri":                {body([]byte(`{"issuer":"` + issuerName + `"}`)), "jwks_uri"},
		"http":                       {discovery(issuerName, "http://keys.example.com/one"), "jwks_uri"},
		"http on loopback":           {discovery(issuerName, "http://127.0.0.1/one"), "leaves https"},
		"user info":                  {discovery(issuerName, "https://me:Maintenance@keys.example.com/one"), "user info"},
		"a file":                     {discovery(issuerName, "file:///etc/keys"), "jwks_uri"},
		"a relative URL":             {discovery(issuerName, "/keys"), "jwks_uri"},
		"no URL":                     {discovery(issuerName, "https://%zz"), "jwks_uri: not a URL"},
		"a number":                   {body([]byte(`{"issuer":"` + issuerName + `","jwks_uri":1}`)), "is no string"},
		"null":                       {body([]byte(`null`)), "not a JSON object"},
		"an array":                   {body([]byte(`[]`)), "not a JSON object"},
		"HTML":                       {body([]byte(`<html>Maintenance</html>`)), "not a JSON object"},
		"a JWK Set":                  {body(jwks(edJWK())), "it is for the issuer"},
		"nothing":                    {body(nil), "not a JSON object"},
		"more than the limit":        {body([]byte(`{"x":"` + strings.Repeat("x", 2<<20) + `"}`)), "more than"},
		"a redirect":                 {redirect("https://evil.example.com/"), "redirect to another host"},
		"an error":                   {status(http.StatusInternalServerError, nil), "500"},
		"a 304 that nobody asks for": {status(http.StatusNotModified, nil), "304"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := map[string]answer{
				documentURL:                        test.document,
				"https://id.example.com:8443/keys": body(jwks(edJWK().named("a"))),
				"http://127.0.0.1/one":             body(jwks(edJWK().named("a"))),
				"http://keys.example.com/one":      body(jwks(edJWK().named("a"))),
			}
			discovered(t, keyset.RemoteConfig{}, answers, func(t *testing.T, r *remote, p *provider) {
				if test.want == "" {
					r.wantAtOnce("a")
					return
				}
				_, err := r.key("a")
				wantError(t, err, documentURL, test.want)
				if !errors.Is(err, keyset.ErrUnavailable) || strings.Contains(err.Error()+r.log.String(), "Maintenance") {
					t.Errorf("got %v", err)
				}
				if len(p.requests) != 1 && name != "a redirect" {
					t.Errorf("requests %q", p.requests)
				}
				p.at(documentURL, discovery(issuerName, keysURL))
				pass(time.Minute)
				r.wantAtOnce("a")
			})
		})
	}
}

func TestADocumentThatBreaksLeavesTheKeysWhereTheyWere(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]answer{
		"gone": nil, "hanging": hang, "of another issuer": discovery("https://evil.example.com", "https://evil.example.com/keys"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			discovered(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote, p *provider) {
				p.at(documentURL, broken)
				p.at("https://evil.example.com/keys", body(jwks(otherEdJWK().named("a"))))
				p.at(keysURL, body(jwks(otherEdJWK().named("b"))))
				pass(2 * time.Hour)
				r.wantAtOnce("b")
				if r.log.count("discovery failed, the keys stay where they were") == 0 || p.asks("https://evil.example.com/keys") != 0 {
					t.Errorf("log:\n%s", r.log)
				}
				if err := r.Status().Err; err != nil {
					t.Errorf("the keys were fetched, and yet: %v", err)
				}
				pass(24 * time.Hour) // from here on nobody knows whose keys these are
				r.wantAtOnce("b")
				r.wantUnavailable("c", time.Minute)
				asked := p.asks(keysURL)
				pass(24 * time.Hour)
				r.wantUnavailable("b", time.Minute)
				if p.asks(keysURL) != asked {
					t.Error("the keys are fetched still")
				}
				p.at(documentURL, discovery(issuerName, keysURL))
				pass(time.Minute + 20*time.Second)
				r.wantAtOnce("b")
			})
		})
	}
}

func TestKeysThatMoveAreFound(t *testing.T) {
	t.Parallel()
	const moved = "https://keys.example.com/two"
	for name, test := range map[string]struct {
		old    answer // at the old place, from then on
		within time.Duration
	}{
		"and the old place is gone": {nil, 12 * time.Minute},                                // a refresh that fails, and a retry
		"and the old place stays":   {body(jwks(edJWK().named("a"))), 70 * time.Minute},     // the document is due
		"and there is the old page": {body([]byte("<html>moved</html>")), 12 * time.Minute}, // like gone
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			discovered(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote, p *provider) {
				p.at(documentURL, discovery(issuerName, moved))
				p.at(moved, body(jwks(otherEdJWK().named("b"))))
				p.at(keysURL, test.old)
				pass(test.within)
				r.wantAtOnce("b")
				r.want("a", keyset.ErrUnknownKey)
				asked := p.asks(keysURL)
				pass(time.Hour)
				if p.asks(keysURL) != asked {
					t.Error("the old place is asked still")
				}
			})
		})
	}
}

func TestAnUnknownKidLooksWhetherTheKeysMoved(t *testing.T) {
	t.Parallel()
	const moved = "https://keys.example.com/two"
	discovered(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote, p *provider) {
		pass(time.Second)
		p.at(documentURL, discovery(issuerName, moved))
		p.at(moved, body(jwks(otherEdJWK().named("b"))))
		r.want("b", nil)
		before := p.asks(documentURL)
		for i := range 100 {
			_, _ = r.key(fmt.Sprint("stranger ", i))
		}
		if n := p.asks(documentURL) - before; n != 0 {
			t.Errorf("strangers made it read the document %d times", n)
		}
	})
}

func TestTheDocumentIsAskedForAsItSays(t *testing.T) {
	t.Parallel()
	document := []byte(`{"issuer":"` + issuerName + `","jwks_uri":"` + keysURL + `"}`)
	for name, test := range map[string]struct {
		header   string
		min, max int // requests in 10 hours
	}{
		"nothing":        {"", 9, 13},
		"ten minutes":    {"max-age=600", 35, 75},
		"half a day":     {"max-age=43200", 9, 13},
		"not to keep it": {"no-store", 9, 13},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := map[string]answer{documentURL: withHeader(document, "Cache-Control", test.header)}
			discovered(t, keyset.RemoteConfig{}, answers, func(t *testing.T, r *remote, p *provider) {
				pass(10 * time.Hour)
				r.wantAtOnce("a")
				if n := p.asks(documentURL); n < test.min || n > test.max {
					t.Errorf("%d requests", n)
				}
				if r.log.count("failed") != 0 {
					t.Errorf("log:\n%s", r.log)
				}
			})
		})
	}
}

func TestAnIssuerWithATrailingSlash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const name = "https://id.example.com/"
		p := newProvider(map[string]answer{
			"https://id.example.com/.well-known/openid-configuration": discovery(name, keysURL),
			keysURL: body(jwks(edJWK().named("a"))),
		})
		set := must(keyset.Discover(name, keyset.RemoteConfig{Client: &http.Client{Transport: p.issuer}, Logger: new(record).logger()}))
		defer func() { _ = set.Close() }()
		synctest.Wait()
		mustKey(t, set, "a")
	})
}

func TestADocumentThatIsElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const name, elsewhere = "https://login.example.com/{tenantid}/v2.0", "https://login.example.com/common/configuration"
		p := newProvider(map[string]answer{elsewhere: discovery(name, keysURL), keysURL: body(jwks(edJWK().named("a")))})
		set := must(keyset.Discover(name, keyset.RemoteConfig{
			DiscoveryURL: elsewhere, Client: &http.Client{Transport: p.issuer}, Logger: new(record).logger(),
		}))
		defer func() { _ = set.Close() }()
		synctest.Wait()
		mustKey(t, set, "a")
	})
}

func TestDiscoverRefusesAConfigurationThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		issuer string
		config keyset.RemoteConfig
		want   string
	}{
		"no issuer":               {"", keyset.RemoteConfig{}, "issuer: empty"},
		"a query":                 {"https://id.example.com?x=hunter2", keyset.RemoteConfig{}, "query"},
		"a fragment":              {"https://id.example.com#x", keyset.RemoteConfig{}, "query"},
		"a template":              {"https://id.example.com/{tenant}", keyset.RemoteConfig{}, "DiscoveryURL"},
		"http":                    {"http://id.example.com", keyset.RemoteConfig{}, "InsecureAllowHTTP"},
		"a bare name":             {"accounts.example.com", keyset.RemoteConfig{}, "issuer: not a URL with https://"},
		"a document by http":      {issuerName, keyset.RemoteConfig{DiscoveryURL: "http://id.example.com/x"}, "InsecureAllowHTTP"},
		"a password":              {"https://me:hunter2@id.example.com", keyset.RemoteConfig{}, "user info"},
		"an algorithm not of RSA": {issuerName, keyset.RemoteConfig{RSAAlgorithm: keyset.ES256}, "RSAAlgorithm"},
		"a negative interval":     {issuerName, keyset.RemoteConfig{DiscoveryInterval: -1}, "DiscoveryInterval"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, err := keyset.Discover(test.issuer, test.config)
			if set != nil {
				t.Error("there is a set")
			}
			wantError(t, err, "keyset: ", test.want)
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats the URL: %v", err)
			}
		})
	}
	_, err := keyset.Fetch(issuerURL, keyset.RemoteConfig{DiscoveryURL: documentURL})
	wantError(t, err, "DiscoveryURL is for Discover")
}

func TestDiscoverByRealHTTP(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	key := issuer.Key(keyset.ES256)
	set := must(keyset.Discover(issuer.URL(), keyset.RemoteConfig{Logger: new(record).logger()}))
	defer func() { _ = set.Close() }()
	if err := set.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := set.Key(t.Context(), key.ID(), keyset.ES256); err != nil {
		t.Error(err)
	}
}

func TestTheSnapshotFileOfADiscoveredSet(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/keys"
	config := keyset.RemoteConfig{SnapshotFile: path}
	discovered(t, config, nil, func(*testing.T, *remote, *provider) {})
	gone := map[string]answer{documentURL: down}
	discovered(t, config, gone, func(_ *testing.T, r *remote, _ *provider) {
		r.wantAtOnce("a")
		pass(time.Hour) // of reading the document in vain
		r.wantAtOnce("a")
	})
}

func TestCloseWhileTheDocumentIsReadIsNoFailure(t *testing.T) {
	t.Parallel()
	discovered(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote, p *provider) {
		pass(2 * time.Minute)
		p.at(documentURL, hang)
		go func() { _, _ = r.key("b") }()
		pass(time.Second)
		_ = r.Close()
		if r.log.count("failed") != 0 {
			t.Errorf("log:\n%s", r.log)
		}
	})
}

// Close may come between any two steps; what a fetch does is told by the times
// at which it looks at the clock.
func TestCloseInTheMiddleOfAFetch(t *testing.T) {
	t.Parallel()
	for step := range 12 {
		synctest.Test(t, func(t *testing.T) {
			set := make(chan *keyset.Remote, 1)
			var looks atomic.Int64
			clock := func() time.Time {
				if looks.Add(1) == int64(step+1) {
					go func() { _ = (<-set).Close() }()
					time.Sleep(time.Millisecond) // until Close waits
				}
				return time.Now()
			}
			p := newProvider(map[string]answer{documentURL: discovery(issuerName, keysURL), keysURL: body(jwks(edJWK().named("a")))})
			opened, err := keyset.Discover(issuerName, keyset.RemoteConfig{
				Clock: clock, Client: &http.Client{Transport: p.issuer}, Logger: new(record).logger(),
			})
			if err != nil {
				t.Fatal(err)
			}
			set <- opened
			pass(time.Minute)
			_ = opened.Close()
			if looks.Load() <= int64(step) {
				t.Errorf("step %d is not reached", step)
			}
		})
	}
}

func TestABrokenDocumentIsNotReadWithEachFetch(t *testing.T) {
	t.Parallel()
	discovered(t, keyset.RemoteConfig{DiscoveryInterval: time.Minute}, nil, func(t *testing.T, r *remote, p *provider) {
		pass(2 * time.Minute)
		p.at(documentURL, down)
		before := p.asks(documentURL)
		for i := range 600 {
			_, _ = r.key(fmt.Sprint(i))
			pass(time.Second)
		}
		if n := p.asks(documentURL) - before; n > 11 {
			t.Errorf("read %d times in 10 minutes", n)
		}
	})
}

func TestKeysOfADiscoveredSetAreRevalidated(t *testing.T) {
	t.Parallel()
	answers := map[string]answer{keysURL: withHeader(jwks(edJWK().named("a")), "ETag", `"1"`)}
	discovered(t, keyset.RemoteConfig{}, answers, func(t *testing.T, r *remote, p *provider) {
		p.at(keysURL, revalidates())
		pass(10 * time.Minute)
		if s := r.Status(); s.Err != nil || r.headers[len(r.headers)-1].Get("If-None-Match") != `"1"` {
			t.Error(s.Err)
		}
	})
}

func TestStatusTellsOfADocumentThatBreaks(t *testing.T) {
	t.Parallel()
	discovered(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote, p *provider) {
		if err := r.Status().DiscoveryErr; err != nil {
			t.Error(err)
		}
		p.at(documentURL, nil)
		pass(2 * time.Hour)
		wantError(t, r.Status().DiscoveryErr, documentURL, "404")
		p.at(documentURL, discovery(issuerName, keysURL))
		pass(time.Hour)
		if err := r.Status().DiscoveryErr; err != nil {
			t.Error(err)
		}
	})
}

func TestADocumentThatAsksForTimeGetsIt(t *testing.T) {
	t.Parallel()
	discovered(t, keyset.RemoteConfig{DiscoveryInterval: time.Minute}, nil, func(t *testing.T, r *remote, p *provider) {
		p.at(documentURL, func(request *http.Request) (*http.Response, error) {
			refused, err := withHeader(nil, "Retry-After", "600")(request)
			refused.StatusCode = http.StatusTooManyRequests
			return refused, err
		})
		pass(2 * time.Minute)
		before := p.asks(documentURL)
		for i := range 500 {
			_, _ = r.key(fmt.Sprint(i))
			pass(time.Second)
		}
		if n := p.asks(documentURL) - before; n > 1 {
			t.Errorf("read %d times", n)
		}
	})
}
