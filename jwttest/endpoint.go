package jwttest

import (
	"net/http"
	"slices"
)

// Endpoint is something that an [Issuer] serves over HTTP.
type Endpoint string

// The endpoints of an issuer.
const (
	JWKS      Endpoint = "JWKS"      // the JWK Set, at [Issuer.JWKSURL]
	Discovery Endpoint = "Discovery" // the OpenID Connect discovery document, at [Issuer.DiscoveryURL]
)

// endpoint is the state of an [Endpoint]. It is guarded by the issuer.
type endpoint struct {
	exchanges []*Exchange // the latest
	answered  map[int]int // requests so far, by status
	header    http.Header
	act       act           // nil: it answers as it should
	changed   chan struct{} // closed when act is replaced
}

func newEndpoint() *endpoint {
	return &endpoint{answered: make(map[int]int), header: make(http.Header), changed: make(chan struct{})}
}

// set replaces the act and wakes whoever waits under the one before.
func (e *endpoint) set(a act) {
	e.act = a
	close(e.changed)
	e.changed = make(chan struct{})
}

// JWKSRequests returns how many requests for the JWK Set have arrived, those
// that were answered badly or not at all included.
func (i *Issuer) JWKSRequests() int { return i.requests(JWKS) }

// DiscoveryRequests is [Issuer.JWKSRequests] for the discovery document.
func (i *Issuer) DiscoveryRequests() int { return i.requests(Discovery) }

func (i *Issuer) requests(at Endpoint) int {
	count := 0
	i.each([]Endpoint{at}, func(e *endpoint) {
		for _, requests := range e.answered {
			count += requests
		}
	})
	return count
}

// SetHeader sets a header of the good answers of the given endpoints, or of
// all: "Cache-Control", say. An empty value means that they have no such
// header, not even by default.
//
// By default they have a Content-Type, and an ETag that is the same exactly as
// long as the body is. A request that has the ETag in If-None-Match, or the
// Last-Modified that was set here in If-Modified-Since, is answered 304 (RFC
// 9110 section 13.2.2), but not under [Issuer.Truncate], [Issuer.Inflate] and
// [Issuer.Drip]. Either may be a lie: an ETag that is set stays while the keys
// change.
func (i *Issuer) SetHeader(name, value string, at ...Endpoint) {
	i.each(at, func(e *endpoint) {
		e.header = e.header.Clone()
		e.header.Set(name, value)
		if value == "" {
			e.header[http.CanonicalHeaderKey(name)] = nil
		}
	})
}

// each calls f for the given endpoints, or for all if none is named.
func (i *Issuer) each(at []Endpoint, f func(*endpoint)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for name, e := range i.endpoints {
		if len(at) == 0 || slices.Contains(at, name) {
			f(e)
		}
	}
}
