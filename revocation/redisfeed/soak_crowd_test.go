//go:build soak

package redisfeed_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

const (
	soakAudience = "soak"
	soakLifetime = time.Hour // longer than any soak

	crowdSize     = 1200 // sessions
	sessionsEach  = 3    // of a user
	tokensEach    = 2    // of a session
	partnersEvery = 10   // every tenth user is of the second issuer
	namelessEvery = 8    // every eighth token has no "jti"
	maxEnded      = 3000 // revoked tokens that calls are still made with
)

// ticket is a token of somebody in the crowd.
type ticket struct {
	*token.Token
	seat int // of its session

	// revoked is the first revocation that matches. It is set before that is
	// published, so whoever is refused finds it.
	revoked atomic.Pointer[revoked]
}

// crowd is who holds tokens.
type crowd struct {
	issuers  []*jwttest.Issuer
	verifier *token.Verifier // knows of no revocations

	mu     sync.Mutex
	seats  []seat
	ended  []*ticket
	minted int
}

// seat is where a user's sessions are, one after the other, and their tokens.
type seat struct {
	issuer      *jwttest.Issuer
	user        string
	session     string // its id
	generations int
	tickets     [tokensEach]*ticket
}

func soakIssuers(tb jwttest.TB) []*jwttest.Issuer {
	var issuers []*jwttest.Issuer
	for _, url := range []string{"https://staff.test", "https://partners.test"} {
		issuers = append(issuers, jwttest.NewIssuer(tb, jwttest.InMemory(), jwttest.WithURL(url),
			jwttest.WithAlgorithms(keyset.ES256), jwttest.WithAudience(soakAudience)))
	}
	return issuers
}

// fill gives everybody a token, issued some seconds ago.
func (c *crowd) fill(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seats = make([]seat, crowdSize)
	for seat := range c.seats {
		user := seat / sessionsEach
		s := &c.seats[seat]
		s.user, s.issuer = fmt.Sprintf("user-%d", user), c.issuers[0]
		if user%partnersEvery == 0 {
			s.issuer = c.issuers[1]
		}
		c.login(seat)
		for i := range s.tickets {
			s.tickets[i] = c.mint(ctx, seat, time.Now().Add(-10*time.Second))
		}
	}
}

// login begins a new session. It needs the lock, as mint does.
func (c *crowd) login(seat int) {
	s := &c.seats[seat]
	s.generations++
	s.session = fmt.Sprintf("session-%d-%d", seat, s.generations)
}

// mint returns a new token.
func (c *crowd) mint(ctx context.Context, seat int, issued time.Time) *ticket {
	s := &c.seats[seat]
	options := []jwttest.TokenOption{
		jwttest.Subject(s.user), jwttest.Claim("sid", s.session),
		jwttest.ExpiresIn(soakLifetime - time.Minute), jwttest.IssuedAt(issued),
	}
	if c.minted++; c.minted%namelessEvery == 0 {
		options = append(options, jwttest.Without("jti"), jwttest.Claim("n", c.minted))
	}
	verified, err := c.verifier.Verify(ctx, s.issuer.Token(options...))
	if err != nil {
		panic(err)
	}
	return &ticket{Token: verified, seat: seat}
}

// draw returns a token that is not revoked, or being revoked.
func (c *crowd) draw(random *rand.Rand) *ticket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seats[random.IntN(len(c.seats))].tickets[random.IntN(tokensEach)]
}

// partner returns a token of the second issuer, whose users are few.
func (c *crowd) partner() *ticket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seats[0].tickets[0] // the first user is one of them
}

// drawEnded returns one that is revoked; nil if there is none.
func (c *crowd) drawEnded(random *rand.Rand) *ticket {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ended) == 0 {
		return nil
	}
	return c.ended[random.IntN(len(c.ended))]
}

// condemn makes a revocation of a kind that matches a token, and marks all tokens
// that it matches: those are the revocation's until somebody gets new ones.
func (c *crowd) condemn(kind string, t *ticket, random *rand.Rand) *revoked {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := newRevoked(kind, t, time.Now())
	for seat := range c.seats {
		for _, other := range c.seats[seat].tickets {
			if r.matches(other) && other.revoked.CompareAndSwap(nil, r) {
				r.tickets = append(r.tickets, other)
			}
		}
	}
	random.Shuffle(len(r.tickets), func(i, k int) { r.tickets[i], r.tickets[k] = r.tickets[k], r.tickets[i] })
	return r
}

// renew lets those whose tokens a revocation ended log in again, and returns their
// new tokens.
func (c *crowd) renew(ctx context.Context, r *revoked) []*ticket {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.kind == bySession && len(r.tickets) > 0 {
		c.login(r.tickets[0].seat)
	}
	var renewed []*ticket
	for _, old := range r.tickets {
		s := &c.seats[old.seat]
		for i := range s.tickets {
			if s.tickets[i] == old {
				s.tickets[i] = c.mint(ctx, old.seat, time.Now())
				renewed = append(renewed, s.tickets[i])
			}
		}
	}
	c.ended = append(c.ended, r.tickets...)
	if extra := len(c.ended) - maxEnded; extra > 0 {
		c.ended = append([]*ticket(nil), c.ended[extra:]...)
	}
	return renewed
}

// What revocations are for.
const (
	byToken     = "token"
	bySession   = "session"
	byPrincipal = "principal"
	byIssuer    = "issuer"
)

func kindsOfRevocation() []string { return []string{byToken, bySession, byPrincipal, byIssuer} }

// drawKind returns what to revoke.
func drawKind(random *rand.Rand) string {
	switch n := random.IntN(1000); {
	case n < 400:
		return byToken
	case n < 700:
		return bySession
	case n < 994:
		return byPrincipal
	default:
		return byIssuer
	}
}

// revoked is a revocation.
type revoked struct {
	kind    string
	entry   revocation.Entry
	ticket  *ticket   // one that is matched
	before  int64     // in seconds; 0 if it doesn't matter
	tickets []*ticket // all that it was the first to match

	started, returned atomic.Int64 // of Revoke
	troubled          atomic.Bool  // something was out of order before it had arrived everywhere
	at                [processes]fate
}

// fate is what came of a revocation in a server process.
type fate struct {
	arrived  atomic.Int64
	accepted atomic.Int64 // the last call, by the server's word
	begun    atomic.Int64 // when that call, or one that ended later, was begun
	streams  atomic.Int64 // that ended
	ended    atomic.Int64 // the last of them
}

func newRevoked(kind string, t *ticket, at time.Time) *revoked {
	r := &revoked{kind: kind, ticket: t}
	switch kind {
	case byToken:
		r.entry = revocation.Token(t.Token)
	case bySession:
		r.entry = revocation.Session(t.Issuer(), t.Session())
	case byPrincipal:
		r.entry, r.before = revocation.Principal(t.Principal(), at), at.Unix()
	default:
		r.entry, r.before = revocation.Issuer(t.Issuer(), at), at.Unix()
	}
	return r
}

// matches reports whether the revocation is for a token.
func (r *revoked) matches(t *ticket) bool {
	switch r.kind {
	case byToken:
		return t == r.ticket
	case bySession:
		return t.Issuer() == r.ticket.Issuer() && t.Session() == r.ticket.Session()
	case byPrincipal:
		return t.Principal() == r.ticket.Principal() && t.IssuedAt().Unix() < r.before
	default:
		return t.Issuer() == r.ticket.Issuer() && t.IssuedAt().Unix() < r.before
	}
}

// arrivedAll returns when the last process had it, 0 if one hasn't.
func (r *revoked) arrivedAll() int64 {
	var last int64
	for i := range r.at {
		at := r.at[i].arrived.Load()
		if at == 0 {
			return 0
		}
		last = max(last, at)
	}
	return last
}

// raise sets a number to a larger one.
func raise(n *atomic.Int64, to int64) {
	for {
		if old := n.Load(); old >= to || n.CompareAndSwap(old, to) {
			return
		}
	}
}
