package interceptor_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestWhatACallWithAKnownTokenAllocates: the value of the context that the handler
// gets, and the header's values, which gRPC copies. Nothing that a rule asks, and no
// number of revoked tokens, adds to it.
func TestWhatACallWithAKnownTokenAllocates(t *testing.T) { //nolint:paralleltest // testing.AllocsPerRun
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	w := trusting(t, issuer, issuer.Keys(), token.MaxLifetime(time.Hour), token.WithRevocations(millionRevoked(t, issuer.URL())))
	raw := w.issuer.Token(jwttest.ExpiresIn(30*time.Minute), jwttest.Scopes("read", "write"),
		jwttest.ID("t-1"), jwttest.Claim("sid", "s-1"), jwttest.Claim("tenant", map[string]any{"name": "acme"}))
	asksMuch := asking(
		interceptor.Scopes("read", "write"), interceptor.AnyScope("x", "read"), interceptor.Claim("tenant.name", "other", "acme"),
		interceptor.Issuers(w.issuer.URL()), interceptor.MaxAge(time.Hour),
	)
	for name, test := range map[string]struct { //nolint:paralleltest // testing.AllocsPerRun
		header  string
		policy  interceptor.Policy
		options []interceptor.ServerOption
	}{
		"a token is asked for":   {"authorization", interceptor.Authenticated(), nil},
		"the method has a rule":  {"authorization", interceptor.Authenticated(unaryCall), nil},
		"much is asked for":      {"authorization", asksMuch, nil},
		"a token may be sent":    {"authorization", interceptor.Optional(unaryCall), nil},
		"another header":         {"x-user-token", asksMuch, []interceptor.ServerOption{interceptor.HeaderName("X-User-Token")}},
		"with all that is quiet": {"authorization", asksMuch, []interceptor.ServerOption{interceptor.Name("orders"), interceptor.HideHops(), interceptor.StripHeaders("x-user-id")}},
	} {
		t.Run(name, func(t *testing.T) {
			server := w.server(t, test.policy, test.options...)
			ctx := called(t, test.header, "Bearer "+raw)
			call := func() { mustServe(t, ctx, server) }
			if got := leastAllocs(call); got != 2 {
				t.Errorf("%v allocations a call, want 2", got)
			}
			if got := leastBytes(call); got > 64 {
				t.Errorf("%v bytes a call, want 64 at most", got)
			}
		})
	}
}

// TestACallWithAKnownTokenAsksForNoKey, and so can't wait for one, or verify anything
// with it.
func TestACallWithAKnownTokenAsksForNoKey(t *testing.T) {
	t.Parallel()
	const calls = 100
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	keys, seen := &countedKeys{Live: issuer.Keys()}, new(countedTokens)
	server := trusting(t, issuer, keys, token.WithObserver(seen)).server(t, interceptor.Authenticated())
	ctx := called(t, "authorization", "Bearer "+issuer.Token())
	for range calls {
		mustServe(t, ctx, server)
	}
	if got := keys.asked.Load(); got != 1 {
		t.Errorf("the set was asked for a key %d times, want once", got)
	}
	if verified, known := seen.verified.Load(), seen.known.Load(); verified != 1 || known != calls-1 {
		t.Errorf("%d tokens were verified and %d known, want 1 and %d", verified, known, calls-1)
	}
}

// trusting returns a world with an issuer's keys from a set.
func trusting(t *testing.T, issuer *jwttest.Issuer, keys keyset.Set, options ...token.VerifierOption) world {
	t.Helper()
	verifier, err := token.NewVerifier([]token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: keys}}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return world{issuer, verifier}
}

// countedKeys counts how often somebody wants a key.
type countedKeys struct {
	keyset.Live
	asked atomic.Int64
}

func (k *countedKeys) Key(ctx context.Context, id string, algorithm keyset.Algorithm) (*keyset.Key, error) {
	k.asked.Add(1)
	return k.Live.Key(ctx, id, algorithm)
}

// countedTokens counts tokens that were good.
type countedTokens struct{ verified, known atomic.Int64 }

func (c *countedTokens) Verified(_ context.Context, v token.Verification) {
	switch {
	case v.Err != nil:
	case v.Cached:
		c.known.Add(1)
	default:
		c.verified.Add(1)
	}
}

// mustServe has the server let a call in.
func mustServe(t *testing.T, ctx context.Context, server *interceptor.Server) { //nolint:revive // a test's t comes first
	t.Helper()
	info := &grpc.UnaryServerInfo{FullMethod: unaryCall}
	if _, err := server.UnaryInterceptor(ctx, nil, info, ignore); err != nil {
		t.Fatal(err)
	}
}

// ignore is a handler.
func ignore(context.Context, any) (any, error) { return nil, nil }

// called returns the context of a unary call as gRPC's server has it, with a deadline
// and some headers beside the one that is given. The call ends with the test.
func called(t *testing.T, header string, values ...string) context.Context {
	t.Helper()
	contexts, release, done := make(chan context.Context, 1), make(chan struct{}), make(chan struct{})
	hold := func(ctx context.Context, _ any, _ *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
		contexts <- ctx
		<-release
		return &testpb.SimpleResponse{}, nil
	}
	client := testpb.NewTestServiceClient(serveConn(t, &service{}, grpc.UnaryInterceptor(hold)))
	headers := grpcmd.MD{header: values, "x-a": {"1"}, "x-b": {"2"}, "x-request-id": {"3"}, "traceparent": {"4"}, "x-c": {"5"}}
	ctx, cancel := context.WithTimeout(grpcmd.NewOutgoingContext(context.Background(), headers), time.Hour)
	go func() {
		defer close(done)
		_ = callUnary(ctx, client)
	}()
	t.Cleanup(func() {
		close(release)
		<-done
		cancel()
	})
	return <-contexts
}

// millionRevoked returns a list on which a million others of the issuer are.
func millionRevoked(t *testing.T, issuer string) *revocation.List {
	t.Helper()
	list, err := revocation.NewList(revocation.Config{MaxLifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	const all, some = 1_000_000, 10_000
	entries := make([]revocation.Entry, some)
	for from := 0; from < all; from += some {
		for i := range entries {
			entries[i] = othersEntry(issuer, from+i)
		}
		if err := list.Revoke(t.Context(), entries...); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// othersEntry revokes what is not ours: a session, a token or a user.
func othersEntry(issuer string, i int) revocation.Entry {
	name := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
	switch i % 3 {
	case 0:
		return revocation.Session(issuer, name)
	case 1:
		return revocation.TokenID(issuer, name, time.Time{})
	default:
		return revocation.Principal(token.Principal{Issuer: issuer, Subject: name}, time.Now())
	}
}

// leastBytes returns how many bytes a call allocates, see allocs.
func leastBytes(call func()) float64 {
	const calls = 100
	least := math.Inf(1)
	for range 20 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range calls {
			call()
		}
		runtime.ReadMemStats(&after)
		least = min(least, float64(after.TotalAlloc-before.TotalAlloc)/calls)
	}
	return least
}
