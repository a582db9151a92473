package contender

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/grpc"
)

// goJOSE is github.com/go-jose/go-jose/v4.
type goJOSE struct {
	algorithms []jose.SignatureAlgorithm
	keys       *jose.JSONWebKeySet
	expected   jwt.Expected // but the time
	leeway     time.Duration
	scope      string
}

// goJOSEClaims are the claims that are read.
type goJOSEClaims struct {
	jwt.Claims

	Scope string `json:"scope"`
}

// NewGoJOSE returns go-jose.
func NewGoJOSE(trust Trust) (Contender, error) {
	jwks, err := trust.JWKS()
	if err != nil {
		return nil, err
	}
	g := &goJOSE{
		keys:     new(jose.JSONWebKeySet),
		expected: jwt.Expected{Issuer: trust.Issuer, AnyAudience: jwt.Audience{trust.Audience}},
		leeway:   trust.Leeway,
		scope:    trust.Scope,
	}
	for _, alg := range trust.Algorithms() {
		g.algorithms = append(g.algorithms, jose.SignatureAlgorithm(alg))
	}
	return g, json.Unmarshal(jwks, g.keys)
}

func (g *goJOSE) Verify(_ context.Context, raw string) (Caller, error) {
	parsed, err := jwt.ParseSigned(raw, g.algorithms)
	if err != nil {
		return Caller{}, err
	}
	var claims goJOSEClaims
	if err := parsed.Claims(g.keys, &claims); err != nil {
		return Caller{}, err
	}
	if claims.Subject == "" {
		return Caller{}, errNoSubject
	}
	if claims.Expiry == nil {
		return Caller{}, errNoExpiry
	}
	if err := claims.ValidateWithLeeway(g.expected.WithTime(time.Now()), g.leeway); err != nil {
		return Caller{}, err
	}
	return Caller{Subject: claims.Subject, Scopes: strings.Fields(claims.Scope)}, nil
}

func (g *goJOSE) UnaryInterceptor() grpc.UnaryServerInterceptor { return guard(g, g.scope) }
