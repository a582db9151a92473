package jwttest

import (
	"net/http"
	"net/url"
)

// Redirect answers 302 to target. A request for the target itself, should it
// come here, is answered as it should be: every path that ends as that of the
// endpoint leads to it.
func (i *Issuer) Redirect(target string, at ...Endpoint) {
	i.enact(func(v *visit) bool { return v.redirect(target) }, at)
}

// RedirectLoop answers 302 to the very URL that was asked for.
func (i *Issuer) RedirectLoop(at ...Endpoint) {
	i.enact(func(v *visit) bool {
		http.Redirect(v.w, v.r, v.r.RequestURI, http.StatusFound)
		return true
	}, at)
}

// redirect leads to target, and answers there.
func (v *visit) redirect(target string) bool {
	if v.isFor(target) {
		v.answer()
	} else {
		http.Redirect(v.w, v.r, target, http.StatusFound)
	}
	return true
}

// isFor reports whether the request is for target.
func (v *visit) isFor(target string) bool {
	u, err := url.Parse(target)
	if err != nil {
		return false
	}
	return u.Path == v.r.URL.Path && u.RawQuery == v.r.URL.RawQuery &&
		(u.Host == "" || u.Host == v.r.Host) && (u.Scheme == "" || u.Scheme == schemeOf(v.r))
}
