package jwttest

import (
	"net/url"
	"slices"
	"strings"
)

// discoveryPath is that of OpenID Connect Discovery 1.0 section 4.
const discoveryPath = "/.well-known/openid-configuration"

// place is a path at which an endpoint is, or was. Paths are relative to where
// the issuer is served.
type place struct {
	path string
	at   Endpoint
	gone bool
}

// places returns where the endpoints of an issuer are at first.
func places() []place {
	return []place{{path: "/jwks.json", at: JWKS}, {path: discoveryPath, at: Discovery}}
}

// MoveJWKS serves the JWK Set at another path from now on, such as "/keys/2".
// [Issuer.JWKSURL] and the discovery document name it. A request at a path
// from before is answered 404, whatever fault there is, and counts as one for
// the JWK Set.
func (i *Issuer) MoveJWKS(path string) {
	i.tb.Helper()
	if !strings.HasPrefix(path, "/") || (&url.URL{Path: path}).String() != path {
		i.tb.Fatalf("jwttest: MoveJWKS: %q is not a path such as \"/keys\"", path)
		return
	}
	if path == discoveryPath {
		i.tb.Fatalf("jwttest: MoveJWKS: at %q is the discovery document", path)
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.places = slices.DeleteFunc(i.places, func(p place) bool { return p.path == path })
	for n := range i.places {
		i.places[n].gone = i.places[n].at == JWKS
	}
	i.places = append(i.places, place{path: path, at: JWKS})
}

// route returns the place that a path ends with, the longest if there are
// several.
func (i *Issuer) route(path string) (best place, found bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, p := range i.places {
		if strings.HasSuffix(path, p.path) && len(p.path) > len(best.path) {
			best, found = p, true
		}
	}
	return best, found
}

// jwksPath returns the path of the JWK Set.
func (i *Issuer) jwksPath() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, p := range i.places {
		if p.at == JWKS && !p.gone {
			return p.path
		}
	}
	return ""
}
