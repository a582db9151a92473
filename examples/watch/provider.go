package main

import (
	"crypto/rand"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/jwtrelay/jwtrelay/jwttest"
)

// provider stands in for an identity provider with one user, alice. Yours plugs
// in where its refresh is: the Token of an [oauth2.TokenSource] which was made
// with her refresh token, or by client credentials.
type provider struct {
	issuer  *jwttest.Issuer
	life    time.Duration // of a token
	revoked *revoked

	mu       sync.Mutex
	loggedIn bool
	given    []string // the ids of the session's tokens
	count    int      // of all tokens
}

// login begins a session.
func (p *provider) login() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loggedIn = true
}

// logout ends the session, and with it all tokens that it gave.
func (p *provider) logout() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.revoked.revoke(p.given...)
	p.loggedIn, p.given = false, nil
}

// refresh returns another token of the session.
func (p *provider) refresh() (*oauth2.Token, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.loggedIn {
		return nil, &oauth2.RetrieveError{ErrorCode: "invalid_grant"}
	}
	id, end := rand.Text(), time.Now().Add(p.life)
	p.given = append(p.given, id)
	p.count++
	raw := p.issuer.Token(jwttest.ID(id), jwttest.Claim("exp", float64(end.UnixMilli())/1000))
	return &oauth2.Token{AccessToken: raw, TokenType: "Bearer", Expiry: end}, nil
}

// tokens returns how many tokens were given so far.
func (p *provider) tokens() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}
