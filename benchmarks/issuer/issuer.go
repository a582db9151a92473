package issuer

import (
	"fmt"
	"time"

	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// What tokens say, and contenders ask for.
const (
	URL      = "https://id.example.com"
	Audience = "orders"
	Scope    = "orders.read"
	Leeway   = 30 * time.Second
	Lifetime = time.Hour // longer than any measurement
)

// Algorithms returns those that are measured. All four keys are in one set.
func Algorithms() []keyset.Algorithm {
	return []keyset.Algorithm{keyset.RS256, keyset.ES256, keyset.EdDSA, keyset.HS256}
}

// Issuer has a key for each algorithm, RSA with 2048 bits.
type Issuer struct {
	issuer *jwttest.Issuer
}

// New returns an issuer with new keys. Its tb is a test, or [jwttest.NoTest] in a
// program.
func New(tb jwttest.TB) *Issuer {
	all := Algorithms()
	return &Issuer{jwttest.NewIssuer(tb, jwttest.InMemory(), jwttest.WithURL(URL),
		jwttest.WithAudience(Audience), jwttest.WithAlgorithms(all[0], all[1:]...))}
}

// Trust returns what a contender has to know of the issuer.
func (i *Issuer) Trust() contender.Trust {
	trust := contender.Trust{Issuer: URL, Audience: Audience, Leeway: Leeway, Scope: Scope}
	for _, alg := range Algorithms() {
		trust.Keys = append(trust.Keys, trusted(i.Key(alg)))
	}
	return trust
}

// trusted returns the half of a key that verifies.
func trusted(key *jwttest.Key) contender.Key {
	k := contender.Key{ID: key.ID(), Algorithm: string(key.Algorithm()), Public: key.Public(), JWK: key.JWK()}
	if key.Algorithm().Symmetric() {
		k.Public = key.Secret()
	}
	return k
}

// Key returns the key that tokens of this algorithm are signed with.
func (i *Issuer) Key(alg keyset.Algorithm) *jwttest.Key { return i.issuer.Key(alg) }

// Token returns a token of 600 to 900 bytes with 11 claims, as an access token of
// RFC 9068 has. No two are equal. Options change it, or spoil it.
func (i *Issuer) Token(alg keyset.Algorithm, options ...jwttest.TokenOption) string {
	usual := []jwttest.TokenOption{
		jwttest.SignedWith(alg),
		jwttest.Subject("5f8d0c9e-31c5-4b0a-9f5e-2a9d4d8c7b61"),
		jwttest.ExpiresIn(Lifetime),
		jwttest.Claim("nbf", time.Now().Add(-time.Second).Unix()),
		jwttest.Scopes("openid", Scope, "orders.write"),
		jwttest.Claim("client_id", "web-shop"),
		jwttest.Claim("roles", []string{"customer", "reviewer", "wholesale", "early-access-2026", "beta"}),
		jwttest.Claim("tenant", "d7c1b7f0-8f5e-4a53-9c0e-6b1f0c7a2e94"),
	}
	return i.issuer.Token(append(usual, options...)...)
}

// Tokens returns n of them, each for another user.
func (i *Issuer) Tokens(alg keyset.Algorithm, n int, options ...jwttest.TokenOption) []string {
	tokens := make([]string, n)
	for user := range tokens {
		tokens[user] = i.Token(alg, append([]jwttest.TokenOption{jwttest.Subject(User(user))}, options...)...)
	}
	return tokens
}

// User returns the subject of a user's tokens, as long as a UUID.
func User(number int) string { return fmt.Sprintf("5f8d0c9e-31c5-4b0a-9f5e-%012d", number) }
