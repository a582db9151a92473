package contender

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/cristalhq/jwt/v5"
	"google.golang.org/grpc"
)

// cristalhq is github.com/cristalhq/jwt, which has neither key sets nor leeway: both
// are here.
type cristalhq struct {
	trust     Trust
	verifiers map[string]jwt.Verifier // by id of the key
}

// cristalhqClaims are the claims that are read.
type cristalhqClaims struct {
	jwt.RegisteredClaims

	Scope string `json:"scope"`
}

// NewCristalhq returns cristalhq/jwt.
func NewCristalhq(trust Trust) (Contender, error) {
	c := &cristalhq{trust, make(map[string]jwt.Verifier, len(trust.Keys))}
	for _, key := range trust.Keys {
		verifier, err := cristalhqVerifier(key)
		if err != nil {
			return nil, err
		}
		c.verifiers[key.ID] = verifier
	}
	return c, nil
}

// cristalhqVerifier returns what verifies with a key.
func cristalhqVerifier(key Key) (jwt.Verifier, error) {
	switch public := key.Public.(type) {
	case *rsa.PublicKey:
		return jwt.NewVerifierRS(jwt.Algorithm(key.Algorithm), public)
	case *ecdsa.PublicKey:
		return jwt.NewVerifierES(jwt.Algorithm(key.Algorithm), public)
	case ed25519.PublicKey:
		return jwt.NewVerifierEdDSA(public)
	case []byte:
		return jwt.NewVerifierHS(jwt.Algorithm(key.Algorithm), public)
	}
	return nil, fmt.Errorf("a key of type %T", key.Public)
}

func (c *cristalhq) Verify(_ context.Context, raw string) (Caller, error) {
	parsed, err := jwt.ParseNoVerify([]byte(raw))
	if err != nil {
		return Caller{}, err
	}
	verifier, ok := c.verifiers[parsed.Header().KeyID]
	if !ok {
		return Caller{}, errUnknownKey
	}
	if parsed.Header().Algorithm != verifier.Algorithm() {
		return Caller{}, errAlgorithm
	}
	if err := verifier.Verify(parsed); err != nil {
		return Caller{}, err
	}
	var claims cristalhqClaims
	if err := json.Unmarshal(parsed.Claims(), &claims); err != nil {
		return Caller{}, err
	}
	if err := c.check(&claims, time.Now()); err != nil {
		return Caller{}, err
	}
	return Caller{Subject: claims.Subject, Scopes: strings.Fields(claims.Scope)}, nil
}

// check looks at the claims.
func (c *cristalhq) check(claims *cristalhqClaims, now time.Time) error {
	early, late := now.Add(-c.trust.Leeway), now.Add(c.trust.Leeway)
	switch {
	case claims.Subject == "":
		return errNoSubject
	case claims.ExpiresAt == nil:
		return errNoExpiry
	case !claims.IsIssuer(c.trust.Issuer), !claims.IsForAudience(c.trust.Audience):
		return errNotForUs
	case !claims.IsValidExpiresAt(early), !claims.IsValidNotBefore(late), !claims.IsValidIssuedAt(late):
		return errNotValidNow
	}
	return nil
}

func (c *cristalhq) UnaryInterceptor() grpc.UnaryServerInterceptor { return guard(c, c.trust.Scope) }
