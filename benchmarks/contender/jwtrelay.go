package contender

import (
	"context"

	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// jwtRelay is this repository, with its defaults.
type jwtRelay struct {
	verifier *token.Verifier
	server   *interceptor.Server
}

// NewJWTRelay returns ours, with an empty cache.
func NewJWTRelay(trust Trust) (Contender, error) { return NewJWTRelayWith(trust) }

// NewJWTRelayWith returns ours with options.
func NewJWTRelayWith(trust Trust, options ...token.VerifierOption) (Contender, error) {
	keys, err := trust.keySet()
	if err != nil {
		return nil, err
	}
	issuers := []token.Issuer{{URL: trust.Issuer, Audiences: []string{trust.Audience}, Keys: keys}}
	verifier, err := token.NewVerifier(issuers, append([]token.VerifierOption{token.Leeway(trust.Leeway)}, options...)...)
	if err != nil {
		return nil, err
	}
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated().With(interceptor.Scopes(trust.Scope)))
	if err != nil {
		return nil, err
	}
	return jwtRelay{verifier, server}, nil
}

// keySet returns the keys as ours takes them.
func (t Trust) keySet() (*keyset.Static, error) {
	jwks, err := t.JWKS()
	if err != nil {
		return nil, err
	}
	return keyset.Parse(jwks, keyset.ParseConfig{})
}

func (r jwtRelay) Verify(ctx context.Context, raw string) (Caller, error) {
	t, err := r.verifier.Verify(ctx, raw)
	if err != nil {
		return Caller{}, err
	}
	return Caller{Subject: t.Subject(), Scopes: t.Scopes()}, nil
}

func (r jwtRelay) UnaryInterceptor() grpc.UnaryServerInterceptor { return r.server.UnaryInterceptor }
