package interceptor_test

import (
	"context"
	"math"
	"testing"
	"time"

	"google.golang.org/grpc"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
)

// TestRulesAllocateNothing compares calls under a rule that asks for much with
// calls under one that asks for a valid token only. It runs alone, as counting
// allocations does.
func TestRulesAllocateNothing(t *testing.T) { //nolint:paralleltest // testing.AllocsPerRun
	w := newWorld(t)
	asking := interceptor.Authenticated().With(
		interceptor.Scopes("read", "write"), interceptor.AnyScope("x", "read"),
		interceptor.Issuers(w.issuer.URL()), interceptor.MaxAge(time.Hour),
	)
	raw := w.issuer.Token(jwttest.Scopes("read", "write"))
	ctx := grpcmd.NewIncomingContext(t.Context(), grpcmd.Pairs("authorization", "Bearer "+raw))
	plain, much := allocs(t, ctx, w, interceptor.Authenticated()), allocs(t, ctx, w, asking)
	if much > plain {
		t.Errorf("%v allocations a call, %v without what the rule asks for", much, plain)
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
