package service

import (
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// newGuard returns what decides on the calls to a service.
func newGuard(c Config) (*interceptor.Server, error) {
	how := []token.VerifierOption{token.WithObserver(stopwatch{})}
	if c.Revocations != nil {
		how = append(how, token.MaxLifetime(c.MaxLifetime), token.WithRevocations(c.Revocations))
	}
	verifier, err := token.NewVerifier([]token.Issuer{c.Issuer}, how...)
	if err != nil {
		return nil, err
	}
	options := []interceptor.ServerOption{
		interceptor.Name(c.Name),
		interceptor.WithObserver(interceptor.LogRefusals(c.Logger)),
	}
	if c.Public {
		options = append(options, edge())
	}
	return interceptor.NewServer(verifier, policy(), options...)
}

// edge is what a service does beside that users call. Nobody behind it believes
// these headers; should somebody begin to, no user may have written them.
//
// interceptor.HideHops belongs here too, since the names of services are no
// business of strangers. The platform is there to show its hops, so it is left
// out.
func edge() interceptor.ServerOption {
	return interceptor.StripHeaders(
		"x-user-id", "x-forwarded-user", "x-forwarded-email", "x-forwarded-groups",
		"x-forwarded-client-cert",
	)
}
