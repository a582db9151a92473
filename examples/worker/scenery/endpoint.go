package scenery

import (
	"crypto/subtle"
	"net/http"
)

// maxForm bounds the body of a request for a token, in bytes.
const maxForm = 4 << 10

// serveToken is a token endpoint for client credentials, and for nothing else
// (RFC 6749 section 4.4). The token is about the client itself.
func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	switch {
	case !i.knows(r):
		w.Header().Set("WWW-Authenticate", "Basic")
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	case r.PostFormValue("grant_type") != "client_credentials":
		answer(w, http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type"})
		return
	}
	raw, err := i.Sign(i.ClientID, i.Life)
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	i.mu.Lock()
	i.grants++
	i.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{
		"access_token": raw, "token_type": "Bearer", "expires_in": int(i.Life.Seconds()),
	})
}

// knows reports whether the request is the client's (RFC 6749 section 2.3.1).
func (i *Issuer) knows(r *http.Request) bool {
	id, secret, ok := r.BasicAuth()
	return ok && id == i.ClientID && subtle.ConstantTimeCompare([]byte(secret), []byte(i.Secret)) == 1
}
