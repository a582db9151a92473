package calls_test

import (
	"context"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/benchmarks/calls"
	"github.com/jwtrelay/jwtrelay/benchmarks/contender"
	"github.com/jwtrelay/jwtrelay/benchmarks/issuer"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// relays are how contenders relay.
func relays(t *testing.T) map[string][]grpc.DialOption {
	t.Helper()
	client, err := interceptor.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]grpc.DialOption{
		contender.Ours: client.DialOptions(),
		"usual":        {grpc.WithChainUnaryInterceptor(contender.Forward)},
	}
}

// verified counts the calls that an interceptor let in.
func verified(next grpc.UnaryServerInterceptor, count *atomic.Int64) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return next(ctx, req, info, func(ctx context.Context, req any) (any, error) {
			count.Add(1)
			return handler(ctx, req)
		})
	}
}

func TestEveryServiceOfAChainVerifies(t *testing.T) {
	t.Parallel()
	mint := issuer.New(t)
	relays := relays(t)
	network, err := calls.NewLoopback()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range contender.All() {
		relay, ok := relays[entry.Name]
		if !ok {
			continue // relays nothing
		}
		c, err := entry.New(mint.Trust())
		if err != nil {
			t.Fatal(err)
		}
		var count atomic.Int64
		auth := calls.Auth{Verify: verified(c.UnaryInterceptor(), &count), Relay: relay}
		chain, err := calls.NewChain(network, auth, auth, auth, auth)
		if err != nil {
			t.Fatal(err)
		}
		if err := chain.Call(calls.As(t.Context(), mint.Token(keyset.ES256))); err != nil || count.Load() != 4 {
			t.Errorf("%s: verified by %d of 4, %v", entry.Name, count.Load(), err)
		}
		if err := chain.Call(t.Context()); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: without a token %v", entry.Name, err)
		}
		if err := chain.Close(); err != nil {
			t.Errorf("%s: %v", entry.Name, err)
		}
	}
}

func TestInterceptorsAskForTheScope(t *testing.T) {
	t.Parallel()
	mint := issuer.New(t)
	for _, entry := range contender.All() {
		c, err := entry.New(mint.Trust())
		if err != nil {
			t.Fatal(err)
		}
		for want, raw := range map[codes.Code]string{
			codes.OK:               mint.Token(keyset.EdDSA),
			codes.PermissionDenied: mint.Token(keyset.EdDSA, jwttest.Scopes("openid")),
			codes.Unauthenticated:  jwttest.Tamper(mint.Token(keyset.EdDSA)),
		} {
			if got := inside(t, c, raw); got != want {
				t.Errorf("%s: %v, want %v", entry.Name, got, want)
			}
		}
	}
}

// inside returns how a contender's interceptor answers within a real call.
func inside(t *testing.T, c contender.Contender, raw string) codes.Code {
	t.Helper()
	code := codes.Unknown
	err := calls.Inside(raw, func(ctx context.Context, info *grpc.UnaryServerInfo) error {
		_, err := c.UnaryInterceptor()(calls.Quiet(ctx), nil, info, calls.Answer)
		code = status.Code(err)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestWrittenBytesAreCounted(t *testing.T) {
	t.Parallel()
	var written atomic.Int64
	chain, err := calls.NewChain(calls.InMemory{Written: &written}, calls.Auth{})
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.Call(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := written.Load(); got < 24 { // the preface alone (RFC 9113 section 3.4)
		t.Errorf("%d bytes", got)
	}
	if err := chain.Close(); err != nil {
		t.Fatal(err)
	}
}
