package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// The paths at which tokens are taken back. Each wants a token that is still good.
const (
	LogoutPath           = "/logout"            // ends the session of the token
	LogoutEverywherePath = "/logout-everywhere" // and all others of its user
	RevokeUserPath       = "/revoke-user"       // ends those of the user in the body
)

// ScopeUsersAdmin is what it takes to log out somebody else.
const ScopeUsersAdmin = "users.admin"

// Revocations are where the role writes what it takes back, and looks up whether
// the token of who asks is itself revoked.
type Revocations interface {
	revocation.Writer
	token.Revocations
}

// ending serves the paths at which tokens are taken back.
type ending struct {
	*Server
	revocations Revocations
}

// endings returns the handler of these paths, which verifies tokens as every
// service does, with the keys that the role publishes.
func (s *Server) endings() (http.Handler, error) {
	keys, err := keyset.Parse(s.jwks, keyset.ParseConfig{})
	if err != nil {
		return nil, err
	}
	verifier, err := token.NewVerifier(
		[]token.Issuer{{URL: s.config.Issuer, Audiences: []string{s.config.Audience}, Keys: keys}},
		token.MaxLifetime(s.config.Lifetime),
		token.WithRevocations(s.config.Revocations))
	if err != nil {
		return nil, err
	}
	guard, err := interceptor.NewServer(verifier, interceptor.Authenticated(), interceptor.Name("auth"),
		interceptor.WithObserver(interceptor.LogRefusals(s.config.Logger)))
	if err != nil {
		return nil, err
	}
	e := ending{Server: s, revocations: s.config.Revocations}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+LogoutPath, e.logout)
	mux.HandleFunc("POST "+LogoutEverywherePath, e.logoutEverywhere)
	mux.HandleFunc("POST "+RevokeUserPath, e.revokeUser)
	return guard.HTTPHandler(mux,
		interceptor.AuthenticatedPaths(LogoutPath, LogoutEverywherePath),
		interceptor.AuthenticatedPaths(RevokeUserPath).With(interceptor.Scopes(ScopeUsersAdmin)))
}

// logout ends the session of the token.
func (e ending) logout(w http.ResponseWriter, r *http.Request) {
	t, ok := token.FromContext(r.Context())
	if !ok {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	e.revoke(w, r, "logged out", t.Subject(), revocation.Session(t.Issuer(), t.Session()))
}

// logoutEverywhere ends all sessions of the token's user. Those of the same second
// can't be told from one that begins right afterwards, and go on, but for this one.
func (e ending) logoutEverywhere(w http.ResponseWriter, r *http.Request) {
	t, ok := token.FromContext(r.Context())
	if !ok {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	e.revoke(w, r, "logged out everywhere", t.Subject(),
		revocation.Principal(t.Principal(), e.now()), revocation.Session(t.Issuer(), t.Session()))
}

// RevokeUser is the body of a request to log out somebody else.
type RevokeUser struct {
	Username string `json:"username"`
}

// revokeUser ends all sessions of a user, who need not exist any more. Unlike
// when users log out, those of the same second end as well: somebody else may have
// them.
func (e ending) revokeUser(w http.ResponseWriter, r *http.Request) {
	var asked RevokeUser
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLogin)).Decode(&asked)
	if err != nil {
		http.Error(w, `want {"username": ...}`, http.StatusBadRequest)
		return
	}
	user := token.Principal{Issuer: e.config.Issuer, Subject: asked.Username}
	entry := revocation.Principal(user, e.now().Add(time.Second))
	if entry.Check() != nil {
		http.Error(w, "username: no user can have it", http.StatusBadRequest)
		return
	}
	e.revoke(w, r, "user revoked", asked.Username, entry)
}

// revoke publishes entries, and answers. That it ends the request's own token,
// and so its context, must not stop it.
func (e ending) revoke(w http.ResponseWriter, r *http.Request, what, user string, entries ...revocation.Entry) {
	if err := e.revocations.Revoke(context.WithoutCancel(r.Context()), entries...); err != nil {
		e.config.Logger.ErrorContext(r.Context(), "not revoked", "user", user, "cause", err)
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	e.config.Logger.InfoContext(r.Context(), what, "user", user)
	w.WriteHeader(http.StatusNoContent)
}
