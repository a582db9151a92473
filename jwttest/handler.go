package jwttest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// The paths of an issuer, below its URL. Discovery's is that of OpenID Connect
// Discovery 1.0 section 4.
const (
	jwksPath      = "/jwks.json"
	discoveryPath = "/.well-known/openid-configuration"
)

// Handler returns what serves the JWK Set and the discovery document, for a
// test that needs them below a server of its own: one with TLS, say. They are
// found under any prefix, and the document leads to the JWK Set beside it.
func (i *Issuer) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, jwksPath):
			i.serve(JWKS, w, r)
		case strings.HasSuffix(r.URL.Path, discoveryPath):
			i.serve(Discovery, w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

// serve answers one request as the endpoint is told to. A fault that ends
// before it answered leaves the request to what holds then.
func (i *Issuer) serve(at Endpoint, w http.ResponseWriter, r *http.Request) {
	witness := i.arrive(at, w, r)
	for r.Context().Err() == nil {
		v := i.visit(at, witness, r)
		if v.fault == nil {
			v.answer()
			return
		}
		if v.fault(v) {
			witness.see(http.StatusOK) // which a handler that says nothing means
			return
		}
	}
}

// visit is one request at an endpoint, and what held when it was looked at.
type visit struct {
	issuer  *Issuer
	at      Endpoint
	w       http.ResponseWriter
	r       *http.Request
	header  http.Header
	fault   fault
	changed <-chan struct{}
}

func (i *Issuer) visit(at Endpoint, w http.ResponseWriter, r *http.Request) *visit {
	i.mu.Lock()
	defer i.mu.Unlock()
	e := i.endpoints[at]
	return &visit{issuer: i, at: at, w: w, r: r, header: e.header, fault: e.fault, changed: e.changed}
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
		return v.issuer.discovery(v.r)
	}
	return v.issuer.jwks()
}

// discovery returns the discovery document with the members that OpenID
// Connect Discovery 1.0 section 3 requires.
func (i *Issuer) discovery(r *http.Request) ([]byte, error) {
	keys, err := i.held(nil)
	if err != nil {
		return nil, err
	}
	base := baseOf(r)
	return json.Marshal(map[string]any{
		"issuer":                                i.URL(),
		"jwks_uri":                              base + jwksPath,
		"authorization_endpoint":                base + "/authorize",
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": publicAlgorithms(keys),
	})
}

// baseOf returns the URL under which r found the discovery document.
func baseOf(r *http.Request) string {
	return schemeOf(r) + "://" + r.Host + strings.TrimSuffix(r.URL.Path, discoveryPath)
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// publicAlgorithms returns the algorithms of keys that are served.
func publicAlgorithms(keys []*Key) []keyset.Algorithm {
	var algs []keyset.Algorithm
	seen := make(map[keyset.Algorithm]bool)
	for _, key := range keys {
		if !key.alg.Symmetric() && !seen[key.alg] {
			seen[key.alg] = true
			algs = append(algs, key.alg)
		}
	}
	return algs
}
