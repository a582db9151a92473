package middleware_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/selector"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// authForSome is what teams have today: a matcher says which services need a
// token. This one came later, and nobody thought of the matcher.
func authForSome(_ world, server *interceptor.Server) []grpc.ServerOption {
	needsToken := selector.MatchFunc(func(_ context.Context, call interceptors.CallMeta) bool {
		return slices.Contains([]string{"acme.v1.Orders", "acme.v1.Invoices"}, call.Service)
	})
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(selector.UnaryServerInterceptor(auth.UnaryServerInterceptor(server.AuthFunc()), needsToken)),
		grpc.ChainStreamInterceptor(selector.StreamServerInterceptor(auth.StreamServerInterceptor(server.AuthFunc()), needsToken)),
	}
}

// TestSelectorAroundAuthServesByOmission: what the matcher skips is served,
// whatever the policy says, and a token that nobody verified goes on from there
// unless the relay is told not to let it.
func TestSelectorAroundAuthServesByOmission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expired := w.issuer.Token(jwttest.Expired(time.Hour))
	fingerprint := token.Fingerprint(expired)
	for name, test := range map[string]struct {
		values  []string
		relay   []interceptor.ClientOption
		code    codes.Code
		reason  token.Reason
		handler []arrival
		next    []arrival
	}{
		"without a token": {
			handler: []arrival{{}}, next: []arrival{{}},
		},
		"with an expired token": {
			values:  []string{"Bearer " + expired},
			handler: []arrival{{sent: fingerprint}}, next: []arrival{{sent: fingerprint}},
		},
		"with an expired token, and VerifiedOnly": {
			values: []string{"Bearer " + expired}, relay: []interceptor.ClientOption{interceptor.VerifiedOnly()},
			code: codes.Internal, reason: interceptor.ReasonRelayUnverified,
			handler: []arrival{{sent: fingerprint}},
		},
	} {
		for _, kind := range kinds {
			t.Run(name+"/"+kind.name, func(t *testing.T) {
				t.Parallel()
				service, next := chain(t, test.relay...)
				err := kind.call(sending(t, test.values...), client(t, service, authForSome(w, w.server(t, interceptor.Authenticated()))), "hello")
				wantRefusal(t, err, test.code, test.reason)
				wantArrivals(t, "the handler", service.seen(), test.handler)
				wantArrivals(t, "the next service", next.seen(), test.next)
			})
		}
	}
}

// TestAuditCannotSeeSelectors: the policy has a rule for every method, and that
// is all that Audit is told.
func TestAuditCannotSeeSelectors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.server(t, interceptor.Authenticated())
	grpcServer := grpc.NewServer(authForSome(w, server)...)
	testpb.RegisterTestServiceServer(grpcServer, new(service))
	if err := server.Audit(grpcServer); err != nil {
		t.Errorf("Audit does see it: %v; then doc.go should say so", err)
	}
}
