package interceptor

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/jwtrelay/jwtrelay/token"
)

// guard is the last look at a credential before it leaves. It is made of call
// credentials because gRPC shows the connection nowhere else, and because it
// asks them at each attempt of a call: after a wait, and at every retry. It
// carries nothing itself.
type guard struct {
	client     *Client
	call       Call
	sent       Sent
	validUntil time.Time                     // zero if not known
	own        credentials.PerRPCCredentials // the service's own, for SentOwn
}

// among returns opts with the guard, if there is one; opts may be shared and is
// not written to.
func (g *guard) among(opts []grpc.CallOption) []grpc.CallOption {
	if g == nil {
		return opts
	}
	return append(slices.Clip(opts), grpc.PerRPCCredentials(g))
}

// GetRequestMetadata implements [credentials.PerRPCCredentials]. gRPC keeps
// code and details of an error only if it is a status, and lets no others pass
// than some; ours are among those.
func (g *guard) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	if err := g.check(ctx); err != nil {
		return nil, g.client.refuse(ctx, g.call, err)
	}
	g.client.observe(ctx, Relayed{Method: g.call.Method, Target: g.call.Target, Sent: g.sent})
	if g.own == nil {
		return nil, nil
	}
	return g.own.GetRequestMetadata(ctx, uri...)
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials]. It says
// no, because the guard looks for itself: more strictly than gRPC would, and
// with an answer that says what to do.
func (g *guard) RequireTransportSecurity() bool { return false }

// check returns why the credential must not leave.
func (g *guard) check(ctx context.Context) error {
	info, _ := credentials.RequestInfoFromContext(ctx)
	switch {
	case !g.client.allowPlaintext && !isPrivate(info.AuthInfo):
		return &refusal{reason: ReasonRelayInsecure}
	case g.client.ended(g.validUntil):
		return token.NewError(token.ReasonExpired, nil)
	case g.client.header.OutgoingValues(ctx) != g.expectedValues():
		return &refusal{reason: ReasonRelayConflict} // an interceptor behind ours added one
	}
	return nil
}

// expectedValues is how many values of the header the outgoing context holds.
func (g *guard) expectedValues() int {
	if g.sent == SentOwn { // it comes from the credentials
		return 0
	}
	return 1
}

// isPrivate reports whether a connection says that it keeps what is sent
// private and whole. gRPC's own check takes silence for a yes.
func isPrivate(info credentials.AuthInfo) bool {
	stated, ok := info.(interface {
		GetCommonAuthInfo() credentials.CommonAuthInfo
	})
	return ok && stated.GetCommonAuthInfo().SecurityLevel == credentials.PrivacyAndIntegrity
}
