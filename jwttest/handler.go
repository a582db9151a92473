package jwttest

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"strings"
	"time"
)

// Handler returns what serves the JWK Set and the discovery document, for a
// test that needs them below a server of its own: one with TLS, say. They are
// found under any prefix, and the document leads to the JWK Set beside it.
func (i *Issuer) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch place, found := i.route(r.URL.Path); {
		case !found:
			http.NotFound(w, r)
		case place.gone:
			http.NotFound(i.arrive(place.at, w, r), r)
		default:
			i.serve(place, w, r)
		}
	})
}

// serve answers one request as the endpoint is told to. An act that ends
// before it answered leaves the request to what holds then.
func (i *Issuer) serve(at place, w http.ResponseWriter, r *http.Request) {
	witness := i.arrive(at.at, w, r)
	for r.Context().Err() == nil {
		v := i.visit(at, witness, r)
		if v.act == nil {
			v.answer()
			return
		}
		if v.act(v) {
			witness.see(http.StatusOK) // which a handler that says nothing means
			return
		}
	}
}

// visit is one request at an endpoint, and what held when it was looked at.
type visit struct {
	issuer  *Issuer
	at      Endpoint
	base    string // URL that the endpoints are below
	w       http.ResponseWriter
	r       *http.Request
	header  http.Header
	act     act
	changed <-chan struct{}
}

func (i *Issuer) visit(at place, w http.ResponseWriter, r *http.Request) *visit {
	i.mu.Lock()
	defer i.mu.Unlock()
	e := i.endpoints[at.at]
	base := schemeOf(r) + "://" + r.Host + strings.TrimSuffix(r.URL.Path, at.path)
	return &visit{issuer: i, at: at.at, base: base, w: w, r: r, header: e.header, act: e.act, changed: e.changed}
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// answer answers as it should.
func (v *visit) answer() {
	if body, ok := v.prepare(); ok {
		http.ServeContent(v.w, v.r, "", modified(v.w.Header()), bytes.NewReader(body))
	}
}

// modified returns what Last-Modified says, zero if it says nothing that is a
// date.
func modified(header http.Header) time.Time {
	when, err := http.ParseTime(header.Get("Last-Modified"))
	if err != nil {
		return time.Time{}
	}
	return when
}

// prepare sets the headers of a good answer and returns its body. If there is
// none it has answered, and ok is false.
func (v *visit) prepare() (body []byte, ok bool) {
	body, err := v.body()
	if err != nil {
		http.Error(v.w, err.Error(), http.StatusInternalServerError)
		return nil, false
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.Header().Set("ETag", etag(body))
	for name, values := range v.header {
		v.w.Header()[name] = values
	}
	return body, true
}

// etag returns a strong validator of body (RFC 9110 section 8.8.3).
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + encode(sum[:12]) + `"`
}

func (v *visit) body() ([]byte, error) {
	if v.at == Discovery {
		return v.issuer.discovery(v.base)
	}
	return v.issuer.jwks()
}
