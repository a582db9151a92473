// Package auth is the auth role of the platform: who is this user?
//
// Users log in with name and password and get a token, and log out again. The role
// publishes the keys that everybody else verifies tokens with, and writes where all
// can read it which tokens ended early. It is asked nothing else: when it is away,
// those who are logged in don't notice.
package auth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"time"
)

// The paths that are served.
const (
	LoginPath     = "/login"
	JWKSPath      = "/.well-known/jwks.json"
	DiscoveryPath = "/.well-known/openid-configuration"
)

// maxLogin bounds the body of a login, in bytes.
const maxLogin = 4 << 10

// Config is what a [Server] needs. Every field but the last is required.
type Config struct {
	Issuer   string        // iss of the tokens: the URL that users and services see
	Audience string        // aud of the tokens
	Lifetime time.Duration // of the tokens
	Key      *SigningKey
	Users    Users
	Logger   *slog.Logger

	Revocations Revocations // nil if tokens can't be taken back: then nobody can log out
}

// Server is the HTTP side of the role.
type Server struct {
	config Config
	jwks   []byte
	decoy  Hash          // checked for users that don't exist, so that it takes as long
	slots  chan struct{} // hashing is work: not more at once than there are processors
	now    func() time.Time
	ending http.Handler // nil if tokens can't be taken back
}

// NewServer returns a server.
func NewServer(config Config) (*Server, error) {
	published, err := config.Key.jwk()
	if err != nil {
		return nil, err
	}
	jwks, err := json.Marshal(map[string][]jwk{"keys": {published}})
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: config,
		jwks:   jwks,
		decoy:  decoy(),
		slots:  make(chan struct{}, runtime.GOMAXPROCS(0)),
		now:    time.Now,
	}
	if config.Revocations != nil {
		s.ending, err = s.endings()
	}
	return s, err
}

// Handler serves login, logout, keys and discovery.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+LoginPath, s.login)
	mux.HandleFunc("GET "+JWKSPath, s.serveKeys)
	mux.HandleFunc("GET "+DiscoveryPath, s.discovery)
	if s.ending != nil {
		for _, path := range []string{LogoutPath, LogoutEverywherePath, RevokeUserPath} {
			mux.Handle(path, s.ending)
		}
	}
	return mux
}

// Login is the body of a login.
type Login struct {
	Username string   `json:"username"`
	Password Password `json:"password"`

	// Scope is what the token is to be good for, with spaces between: some of the
	// user's scopes, never more. Empty means all of them (RFC 6749 section 3.3).
	Scope string `json:"scope,omitempty"`
}

// Grant is the answer to a login that went well, as OAuth has it (RFC 6749
// section 5.1).
type Grant struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`      // seconds
	Scope       string `json:"scope,omitempty"` // what the token is good for
}

// login gives a user a token.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	var login Login
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLogin)).Decode(&login); err != nil {
		http.Error(w, `want {"username": ..., "password": ...}`, http.StatusBadRequest)
		return
	}
	user, ok, err := s.check(r.Context(), login)
	switch {
	case err != nil:
		s.config.Logger.ErrorContext(r.Context(), "login failed", "cause", err)
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	case !ok:
		// The name is not logged: people type their password there.
		s.config.Logger.WarnContext(r.Context(), "login refused")
		http.Error(w, "wrong username or password", http.StatusUnauthorized)
		return
	}
	scopes, err := grantScopes(user.Scopes, login.Scope)
	if err != nil {
		s.config.Logger.WarnContext(r.Context(), "login refused", "user", login.Username, "cause", err)
		http.Error(w, "scope: not all of it is yours", http.StatusBadRequest)
		return
	}
	s.grant(w, r, login.Username, scopes)
}

// grant answers with a token.
func (s *Server) grant(w http.ResponseWriter, r *http.Request, user string, scopes []string) {
	claims := s.claims(user, scopes)
	raw, err := s.config.Key.Sign(claims)
	if err != nil {
		s.config.Logger.ErrorContext(r.Context(), "signing failed", "cause", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	s.config.Logger.InfoContext(r.Context(), "logged in", "user", user, "scope", claims.Scope)
	w.Header().Set("Cache-Control", "no-store")
	s.answer(w, Grant{
		AccessToken: raw, TokenType: "Bearer", ExpiresIn: int(s.config.Lifetime.Seconds()), Scope: claims.Scope,
	})
}

// check returns the user, and whether name and password belong together. It
// takes as long if there is no such user.
func (s *Server) check(ctx context.Context, login Login) (User, bool, error) {
	user, err := s.config.Users.User(ctx, login.Username)
	known := err == nil
	if errors.Is(err, ErrNoUser) {
		user, err = User{Hash: s.decoy}, nil
	}
	if err != nil {
		return User{}, false, err
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return User{}, false, ctx.Err()
	}
	return user, user.Hash.Matches(login.Password) && known, nil
}

// claims are what a user's token says.
func (s *Server) claims(user string, scopes []string) *Claims {
	now := s.now()
	return NewClaims(s.config.Issuer, s.config.Audience, user, scopes, now, now.Add(s.config.Lifetime))
}

func (s *Server) serveKeys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(s.jwks) // whoever asked is gone
}

// discovery serves what OpenID Connect Discovery 1.0 (section 3) asks for, as
// far as this issuer has it.
func (s *Server) discovery(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, map[string]any{
		"issuer":                                s.config.Issuer,
		"jwks_uri":                              s.config.Issuer + JWKSPath,
		"id_token_signing_alg_values_supported": []string{"ES256"},
		"response_types_supported":              []string{"token"},
		"subject_types_supported":               []string{"public"},
	})
}

func (s *Server) answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.config.Logger.Warn("answer not sent", "cause", err)
	}
}
