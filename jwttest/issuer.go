package jwttest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// DefaultAudience and DefaultSubject are what tokens say that don't say
// otherwise.
const (
	DefaultAudience = "test-audience"
	DefaultSubject  = "alice"
)

// inMemoryURL names an issuer that no network can reach (RFC 2606 section 2).
const inMemoryURL = "https://issuer.test"

// Issuer is an issuer of tokens that lives as long as a test. All its methods
// may be called concurrently.
//
// A mistake in using it, such as an unknown algorithm, fails the test at
// once. As with every Fatalf, that works on the test's own goroutine only.
type Issuer struct {
	tb       TB
	settings settings

	mu        sync.Mutex
	ring      ring
	forgers   ring     // keys that nobody publishes
	extra     []string // raw JWKs
	places    []place
	lies      map[string]json.RawMessage // members of the discovery document; nil: not there
	endpoints map[Endpoint]*endpoint
	arrived   int              // requests at all endpoints
	server    *httptest.Server // nil until its URL is asked for
}

// NewIssuer returns an issuer that tb closes at its end. It starts with no
// keys and no server: both are made when they are first asked for.
func NewIssuer(tb TB, opts ...Option) *Issuer {
	tb.Helper()
	tb = usable(tb)
	s := defaults()
	for _, opt := range opts {
		opt.applyIssuer(&s)
	}
	check(tb, s.validate())
	if s.inMemory && s.url == "" {
		s.url = inMemoryURL
	}
	i := &Issuer{
		tb:        tb,
		settings:  s,
		ring:      ring{tb: tb},
		forgers:   ring{tb: tb},
		places:    places(),
		lies:      make(map[string]json.RawMessage),
		endpoints: map[Endpoint]*endpoint{JWKS: newEndpoint(), Discovery: newEndpoint()},
	}
	tb.Cleanup(i.Close)
	return i
}

// URL returns the issuer identifier, the "iss" of its tokens. Unless [WithURL]
// or [InMemory] was given it is the URL of the issuer's server, which this
// starts.
func (i *Issuer) URL() string {
	if i.settings.url != "" {
		return i.settings.url
	}
	return i.base()
}

// JWKSURL returns where the JWK Set is served, and starts the issuer's server
// unless it is [InMemory].
func (i *Issuer) JWKSURL() string { return i.base() + i.jwksPath() }

// DiscoveryURL returns where the OpenID Connect discovery document is served,
// and starts the issuer's server unless it is [InMemory].
func (i *Issuer) DiscoveryURL() string { return i.base() + discoveryPath }

// Audience returns the audience of tokens that don't name their own.
func (i *Issuer) Audience() []string { return slices.Clone(i.settings.audience) }

// Client returns a client whose every request, whatever its host, is answered
// by this issuer without a network. It works in a [testing/synctest] bubble:
// a request that hangs or waits for its body blocks durably, and ends when
// its context does.
func (i *Issuer) Client() *http.Client {
	return &http.Client{Transport: memory{i.Handler()}}
}

// Close ends the issuer's server, if one was started, and releases the
// requests that hang. An issuer made with a [testing.TB] is closed by it.
func (i *Issuer) Close() {
	i.Recover()
	i.mu.Lock()
	server := i.server
	i.mu.Unlock()
	if server == nil {
		return
	}
	// A client that left a body half read must not hold up the end.
	server.CloseClientConnections()
	server.Close()
}

// base is what the paths of the issuer are relative to.
func (i *Issuer) base() string {
	if i.settings.inMemory {
		return strings.TrimSuffix(i.settings.url, "/")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.server == nil {
		i.server = httptest.NewServer(i.Handler())
	}
	return i.server.URL
}
