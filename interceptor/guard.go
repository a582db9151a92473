package interceptor

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/token"
)

// guard brings the credential of a call, and takes the last look before it
// leaves. It is made of call credentials because gRPC shows the connection
// nowhere else, and because it asks them at each attempt of a call: after a
// wait, and at every retry. What it brings is in no context, so it can't get
// into another call by way of one.
type guard struct {
	client  *Client
	call    Call
	ours    Credential                    // what we would send; zero if nothing
	sent    Sent                          // what that is
	refused error                         // why we send nothing, unless somebody else does; may be nil
	others  credentials.PerRPCCredentials // the caller's own, or for SentOwn the service's; may be nil

	carried atomic.Bool // whether ours was sent
}

// fill gives the guard what goes out with a call that carries nothing yet, and
// returns it; nil if there is nothing to bring or to guard. While there are
// credentials of the caller's, which may turn out to bring the header, there is
// no refusal: that is then up to GetRequestMetadata.
func (g *guard) fill(ctx context.Context) (*guard, error) {
	g.ours, g.sent, g.refused = g.client.supply(ctx, g.call)
	if g.sent == SentNothing && g.refused == nil {
		g.fillOtherwise(ctx)
	}
	switch {
	case g.others != nil:
		return g, nil
	case g.refused != nil:
		return nil, g.client.refuse(ctx, g.call, g.refused)
	case g.client.ended(g.ours.ValidUntil):
		return nil, g.client.refuse(ctx, g.call, token.NewError(token.ReasonExpired, nil))
	case g.sent == SentNothing:
		g.client.observe(ctx, Relayed{Method: g.call.Method, Target: g.call.Target, Sent: SentNothing})
		return nil, nil
	}
	return g, nil
}

// fillOtherwise is fill for a call that there is no token for.
func (g *guard) fillOtherwise(ctx context.Context) {
	if g.others == nil && g.client.otherwise != nil && !servesCall(ctx) {
		g.sent, g.others = SentOwn, g.client.otherwise
	} else if g.client.requireToken {
		g.refused = token.NewError(token.ReasonMissing, nil)
	}
}

// among returns opts with the guard, if there is one, which then takes the
// place of the caller's credentials. opts may be shared and is not written to.
func (g *guard) among(opts []grpc.CallOption) []grpc.CallOption {
	if g == nil {
		return opts
	}
	return append(opts[:len(opts):len(opts)], grpc.PerRPCCredentials(g))
}

// GetRequestMetadata implements [credentials.PerRPCCredentials]. gRPC keeps
// code and details of an error only if it is a status, and lets no others pass
// than some; ours are among those.
func (g *guard) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	data, err := g.askOthers(ctx, uri)
	if err != nil {
		return nil, err
	}
	header := g.client.header
	sent, err := g.decide(ctx, header.OutgoingValues(ctx), count(data, header.Key()))
	if err != nil {
		return nil, g.client.refuse(ctx, g.call, err)
	}
	g.client.observe(ctx, Relayed{Method: g.call.Method, Target: g.call.Target, Sent: sent})
	if sent != g.sent || g.ours.Value == "" {
		return data, nil
	}
	g.carried.Store(true)
	return with(data, header.Key(), g.ours.Value), nil
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials]. It says
// no, because the guard looks for itself: more strictly than gRPC would, and
// with an answer that says what to do.
func (g *guard) RequireTransportSecurity() bool { return false }

// askOthers returns what the other credentials bring.
func (g *guard) askOthers(ctx context.Context, uri []string) (map[string]string, error) {
	if g.others == nil {
		return nil, nil
	}
	info, _ := credentials.RequestInfoFromContext(ctx)
	if g.others.RequireTransportSecurity() && credentials.CheckSecurityLevel(info.AuthInfo, credentials.PrivacyAndIntegrity) != nil {
		return nil, g.client.refuse(ctx, g.call, &refusal{reason: ReasonRelayInsecure, cause: errWantSecurity})
	}
	data, err := g.others.GetRequestMetadata(ctx, uri...)
	if err != nil && g.sent == SentOwn {
		return nil, g.client.refuse(ctx, g.call, unavailable(err))
	}
	return data, err
}

// errWantSecurity is for the operator: AllowPlaintext doesn't overrule them.
var errWantSecurity = errors.New("the credentials themselves require transport security")

// decide returns what goes out with the call, or why nothing does. outgoing and
// brought are how many values of the header its context holds and the other
// credentials bring.
func (g *guard) decide(ctx context.Context, outgoing, brought int) (Sent, error) {
	sent := g.sent
	switch {
	case outgoing+brought > 1, outgoing == 1 && g.ours.Value != "": // put there by an interceptor behind ours
		return "", &refusal{reason: ReasonRelayConflict}
	case sent == SentOwn: // whatever that brings
	case outgoing+brought == 1:
		sent = SentCaller
	case g.refused != nil:
		return "", g.refused
	case g.ours.Value == "":
		return SentNothing, nil
	case g.client.ended(g.ours.ValidUntil):
		return "", token.NewError(token.ReasonExpired, nil)
	}
	if !g.client.allowPlaintext && !isPrivate(ctx) {
		return "", &refusal{reason: ReasonRelayInsecure}
	}
	return sent, nil
}

// isPrivate reports whether the connection of a call says that it keeps what is
// sent private and whole. gRPC's own check takes silence for a yes.
func isPrivate(ctx context.Context) bool {
	info, _ := credentials.RequestInfoFromContext(ctx)
	stated, ok := info.AuthInfo.(interface {
		GetCommonAuthInfo() credentials.CommonAuthInfo
	})
	return ok && stated.GetCommonAuthInfo().SecurityLevel == credentials.PrivacyAndIntegrity
}

// count returns how many values of a header data holds. gRPC takes the keys of
// credentials in any letter case.
func count(data map[string]string, header string) int {
	n := 0
	for key := range data {
		if strings.EqualFold(key, header) {
			n++
		}
	}
	return n
}

// with returns data with one more entry; data is not written to.
func with(data map[string]string, key, value string) map[string]string {
	all := make(map[string]string, len(data)+1)
	maps.Copy(all, data)
	all[key] = value
	return all
}

// unavailable returns err if it is a status, which says by itself what it is,
// and otherwise a refusal with err as its cause: whoever issues credentials is
// away.
func unavailable(err error) error {
	if _, ok := status.FromError(err); ok {
		return err
	}
	return &refusal{reason: ReasonCredentialUnavailable, cause: err}
}
