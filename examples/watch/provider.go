package main

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/revocation"
)

// provider stands in for an identity provider with one user, alice. Yours plugs
// in where its refresh is: the Token of an [oauth2.TokenSource] which was made
// with her refresh token, or by client credentials.
type provider struct {
	issuer  *jwttest.Issuer
	life    time.Duration // of a token
	revoked revocation.Writer

	mu      sync.Mutex
	session string // its id; "" while there is none
	count   int    // of all tokens
}

// login begins a session.
func (p *provider) login() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.session = rand.Text()
}

// logout ends the session, and with it all tokens that it gave.
func (p *provider) logout(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	ended := p.session
	p.session = ""
	return p.revoked.Revoke(ctx, revocation.Session(p.issuer.URL(), ended))
}

// refresh returns another token of the session.
func (p *provider) refresh() (*oauth2.Token, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session == "" {
		return nil, &oauth2.RetrieveError{ErrorCode: "invalid_grant"}
	}
	end := time.Now().Add(p.life)
	p.count++
	raw := p.issuer.Token(jwttest.Claim("sid", p.session), jwttest.Claim("exp", float64(end.UnixMilli())/1000))
	return &oauth2.Token{AccessToken: raw, TokenType: "Bearer", Expiry: end}, nil
}

// tokens returns how many tokens were given so far.
func (p *provider) tokens() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}
