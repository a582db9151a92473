package contender

import (
	"context"
	"strings"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc"
	grpcmd "google.golang.org/grpc/metadata"
)

// usual is what most teams assemble: go-grpc-middleware, golang-jwt and keyfunc.
type usual struct {
	parser *jwt.Parser
	keys   keyfunc.Keyfunc
	scope  string
}

// usualClaims are the claims that are read. golang-jwt asks Validate after its own
// checks.
type usualClaims struct {
	jwt.RegisteredClaims

	Scope string `json:"scope"`
}

// Validate implements [jwt.ClaimsValidator].
func (c *usualClaims) Validate() error {
	if c.Subject == "" {
		return errNoSubject
	}
	return nil
}

// NewUsual returns the usual assembly.
func NewUsual(trust Trust) (Contender, error) {
	jwks, err := trust.JWKS()
	if err != nil {
		return nil, err
	}
	keys, err := keyfunc.NewJWKSetJSON(jwks)
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods(trust.Algorithms()),
		jwt.WithIssuer(trust.Issuer),
		jwt.WithAudience(trust.Audience),
		jwt.WithLeeway(trust.Leeway),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
	)
	return &usual{parser, keys, trust.Scope}, nil
}

func (u *usual) Verify(_ context.Context, raw string) (Caller, error) {
	var claims usualClaims
	if _, err := u.parser.ParseWithClaims(raw, &claims, u.keys.Keyfunc); err != nil {
		return Caller{}, err
	}
	return Caller{Subject: claims.Subject, Scopes: strings.Fields(claims.Scope)}, nil
}

func (u *usual) UnaryInterceptor() grpc.UnaryServerInterceptor { return guard(u, u.scope) }

// Forward is how such a team relays: its client interceptor copies the header that
// came in.
func Forward(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if values := grpcmd.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
		ctx = grpcmd.AppendToOutgoingContext(ctx, "authorization", values[0])
	}
	return invoker(ctx, method, req, reply, cc, opts...)
}
