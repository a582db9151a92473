package interceptor_test

import (
	"context"
	"math"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestWhatRulesAllocate compares calls under a rule that asks for more with calls
// under one that asks for a valid token only. It runs alone, as counting
// allocations does.
func TestWhatRulesAllocate(t *testing.T) { //nolint:paralleltest // testing.AllocsPerRun
	w := newWorld(t)
	raw := w.issuer.Token(jwttest.Scopes("read", "write"))
	ctx := calledBy(carrying(t.Context(), raw), "spiffe://acme/orders")
	plain := allocs(t, ctx, w, interceptor.Authenticated())
	for name, test := range map[string]struct { //nolint:paralleltest // testing.AllocsPerRun
		asked []interceptor.Requirement
		most  float64 // allocations a call
	}{
		"scopes, issuers and age": {[]interceptor.Requirement{
			interceptor.Scopes("read", "write"), interceptor.AnyScope("x", "read"),
			interceptor.Issuers(w.issuer.URL()), interceptor.MaxAge(time.Hour),
		}, 0},
		"peers": {[]interceptor.Requirement{
			interceptor.Peers("orders.acme.test", "spiffe://acme/orders"),
		}, 2}, // the names in the certificate: a URI and the list
		"a function": {[]interceptor.Requirement{
			interceptor.Require(func(context.Context, *token.Token) error { return nil }),
		}, 1}, // its context, with the token
	} {
		t.Run(name, func(t *testing.T) {
			if more := allocs(t, ctx, w, asking(test.asked...)) - plain; more > test.most {
				t.Errorf("%v allocations a call more, want %v at most", more, test.most)
			}
		})
	}
}

// allocs returns how often a call allocates: the least of many counts, for other
// tests' servers may still be ending, and pools are emptied at random under the
// race detector.
func allocs(t *testing.T, ctx context.Context, w world, policy interceptor.Policy) float64 { //nolint:revive // a test's t comes first
	t.Helper()
	server := w.server(t, policy)
	info := &grpc.UnaryServerInfo{FullMethod: unaryCall}
	handler := func(context.Context, any) (any, error) { return nil, nil }
	least := math.Inf(1)
	for range 200 {
		least = min(least, testing.AllocsPerRun(1, func() {
			if _, err := server.UnaryInterceptor(ctx, nil, info, handler); err != nil {
				t.Fatal(err)
			}
		}))
	}
	return least
}
