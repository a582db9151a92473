package interceptor_test

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
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

// TestWhatAStreamsEndAllocates counts what it costs to let a stream end with its
// token: something when it is opened, and nothing for a message.
func TestWhatAStreamsEndAllocates(t *testing.T) { //nolint:paralleltest // testing.AllocsPerRun
	w := newWorld(t)
	server := w.server(t, interceptor.Authenticated())
	ctx := carrying(t.Context(), w.issuer.Token())
	info := &grpc.StreamServerInfo{FullMethod: unaryCall}
	unary := allocs(t, ctx, w, interceptor.Authenticated()) // verifies the same token, and has no end
	least, message := math.Inf(1), math.Inf(1)
	for range 200 {
		least = min(least, testing.AllocsPerRun(1, func() {
			err := server.StreamInterceptor(nil, alone{ctx: ctx}, info, func(_ any, stream grpc.ServerStream) error { //nolint:contextcheck // it is in the stream
				message = min(message, testing.AllocsPerRun(1, func() { _, _ = stream.SendMsg(nil), stream.RecvMsg(nil) }))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}))
	}
	t.Logf("%v allocations a stream, %v a unary call", least, unary)
	if more := least - unary; more > 8 {
		t.Errorf("%v allocations a stream more than a unary call", more)
	}
	if message != 0 {
		t.Errorf("%v allocations a message", message)
	}
}

// TestWhatARequestsEndAllocates counts what it costs each HTTP request with a token
// to end with it, beside what verifying costs and what a public one does.
func TestWhatARequestsEndAllocates(t *testing.T) { //nolint:paralleltest // testing.AllocsPerRun
	w := newWorld(t)
	raw := w.issuer.Token()
	ends := leastAllocs(requests(t, w, interceptor.Authenticated(), raw))
	public := leastAllocs(requests(t, w, interceptor.Public(unaryCall), raw))
	verifying := leastAllocs(func() { _, _ = w.verifier.Verify(t.Context(), raw) })
	t.Logf("%v allocations a request: %v of verifying, %v of a public one", ends, verifying, public)
	if more := ends - verifying - public; more > 7 { // 6 for the end, and the header's value
		t.Errorf("%v allocations a request more", more)
	}
}

// requests returns what makes a request that is let in.
func requests(t *testing.T, w world, policy interceptor.Policy, raw string) func() {
	t.Helper()
	handler := httpHandler(t, w.server(t, policy), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httpRequest(t, http.MethodGet, unaryCall, bearing("Bearer "+raw))
	writer := httptest.NewRecorder()
	return func() { handler.ServeHTTP(writer, r) }
}

// leastAllocs returns how often a call allocates, see allocs.
func leastAllocs(call func()) float64 {
	least := math.Inf(1)
	for range 200 {
		least = min(least, testing.AllocsPerRun(1, call))
	}
	return least
}
