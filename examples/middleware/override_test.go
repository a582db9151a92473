package middleware_test

import (
	"context"
	"testing"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// overriding is a service that embeds something with the method AuthFuncOverride,
// which it may not even know.
type overriding struct {
	*service
	base
}

// base is what a team's services have in common.
type base struct{ override auth.AuthFunc }

func (b base) AuthFuncOverride(ctx context.Context, _ string) (context.Context, error) {
	return b.override(ctx)
}

// letIn is an override as it is found in the wild.
func letIn(*interceptor.Server) auth.AuthFunc {
	return func(ctx context.Context) (context.Context, error) { return ctx, nil }
}

// delegate is an override that leaves the decision to us.
func delegate(server *interceptor.Server) auth.AuthFunc { return server.AuthFunc() }

// letInAnonymously is an override that says what it decided.
func letInAnonymously(*interceptor.Server) auth.AuthFunc {
	return func(ctx context.Context) (context.Context, error) { return token.NewContext(ctx, nil), nil }
}

func TestAuthFuncOverride(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expired := w.issuer.Token(jwttest.Expired(time.Hour))
	fingerprint := token.Fingerprint(expired)
	for name, test := range map[string]struct {
		install  func(w world, server *interceptor.Server) []grpc.ServerOption
		override func(server *interceptor.Server) auth.AuthFunc
		relay    []interceptor.ClientOption
		code     codes.Code
		reason   token.Reason
		handler  []arrival
		next     []arrival
	}{
		"server.Options doesn't ask it": {
			install: behindServerOptions, override: letIn,
			code: codes.Unauthenticated, reason: token.ReasonExpired,
		},
		"auth serves without our decision": {
			install: behindAuth, override: letIn,
			handler: []arrival{{sent: fingerprint}}, next: []arrival{{sent: fingerprint}},
		},
		"VerifiedOnly keeps the token": {
			install: behindAuth, override: letIn, relay: []interceptor.ClientOption{interceptor.VerifiedOnly()},
			code: codes.Internal, reason: interceptor.ReasonRelayUnverified,
			handler: []arrival{{sent: fingerprint}},
		},
		"Options refuses": {
			install: behindOptions, override: letIn,
			code: codes.Internal,
		},
		"Options, and an override that delegates": {
			install: behindOptions, override: delegate,
			code: codes.Unauthenticated, reason: token.ReasonExpired,
		},
		"Options, and an override that says anonymous": {
			install: behindOptions, override: letInAnonymously,
			handler: []arrival{{sent: fingerprint, decided: true}}, next: []arrival{{}},
		},
	} {
		for _, kind := range kinds {
			t.Run(name+"/"+kind.name, func(t *testing.T) {
				t.Parallel()
				server := w.server(t, interceptor.Authenticated())
				service, next := chain(t, test.relay...)
				impl := overriding{service, base{test.override(server)}}
				err := kind.call(sending(t, "Bearer "+expired), client(t, impl, test.install(w, server)), "hello")
				wantRefusal(t, err, test.code, test.reason)
				wantArrivals(t, "the handler", service.seen(), test.handler)
				wantArrivals(t, "the next service", next.seen(), test.next)
			})
		}
	}
}

// TestOverrideThatDelegatesIsLikeNone for a good token too.
func TestOverrideThatDelegatesIsLikeNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.issuer.Token()
	fingerprint := token.Fingerprint(good)
	for _, kind := range kinds {
		server := w.server(t, interceptor.Authenticated())
		service, next := chain(t, interceptor.VerifiedOnly())
		err := kind.call(sending(t, "Bearer "+good), client(t, overriding{service, base{delegate(server)}}, behindOptions(w, server)), "hello")
		wantRefusal(t, err, codes.OK, "")
		wantArrivals(t, "the handler", service.seen(), []arrival{{sent: fingerprint, verified: fingerprint, decided: true}})
		wantArrivals(t, "the next service", next.seen(), []arrival{{sent: fingerprint}})
	}
}
