package interceptor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/jwtrelay/jwtrelay/token"
)

// guard brings the credential of a call, and takes the last look before it
// leaves. It is made of call credentials because gRPC shows the connection
// nowhere else, and because it asks them at each attempt of a call: after a
// wait, and at every retry. What it brings is in no context, so it can't get
// into another call by way of one.
type guard struct {
	client *Client
	call   Call
	plan   plan
	caller credentials.PerRPCCredentials // the caller's own; may be nil
	cut    *cut                          // of a stream that ends with the plan's value; may be nil
	room   [4]grpc.CallOption            // for what among returns, where that is enough
}

// among returns opts with the guard, if there is one, which then takes the
// place of the caller's credentials, and with more. opts may be shared and is not
// written to; it has one option at least where generated code makes the call. among
// is called once.
func (g *guard) among(opts []grpc.CallOption, more ...grpc.CallOption) []grpc.CallOption {
	if g == nil {
		return opts
	}
	all := append(g.room[:0], opts...)
	all = append(all, grpc.PerRPCCredentials(g))
	return slices.Clip(append(all, more...)) // whoever appends to it shares it with nobody
}

// GetRequestMetadata implements [credentials.PerRPCCredentials]. gRPC keeps
// code and details of an error only if it is a status, and lets no others pass
// than some; ours are among those.
//
// gRPC is deep in its stack when it asks, and a stack that has to grow costs more than all
// else here: so what is rare is in functions of its own, which are not inlined.
func (g *guard) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	sent, data, err := g.gather(ctx, uri)
	if err == nil && sent != SentNothing && !g.client.allowPlaintext && !isPrivate(ctx) {
		err = &refusalError{reason: ReasonRelayInsecure}
	}
	if err != nil {
		return nil, g.client.refuse(ctx, g.call, err)
	}
	if g.client.observer != nil {
		g.observe(ctx, sent)
	}
	return data, nil
}

// observe tells the client's observer what is sent.
//
//go:noinline
func (g *guard) observe(ctx context.Context, sent Sent) {
	g.client.observe(ctx, Relayed{Method: g.call.Method, Target: g.call.Target, Sent: sent})
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials]. It says
// no, because the guard looks for itself: more strictly than gRPC would, and
// with an answer that says what to do.
func (g *guard) RequireTransportSecurity() bool { return false }

// Format prints nothing of what the guard brings: call options end up in logs.
func (g *guard) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "jwtrelay") }

// gather returns what all who have something to send with the call send, and
// whose credential is in the header.
func (g *guard) gather(ctx context.Context, uri []string) (Sent, map[string]string, error) {
	outgoing := g.client.header.OutgoingValues(ctx)
	if g.caller != nil || g.plan.own != nil {
		return g.gatherFromAll(ctx, uri, outgoing)
	}
	sent, err := g.client.decide(&g.plan, outgoing, 0)
	if err != nil || sent != g.plan.sent || !g.plan.brings() {
		return sent, nil, err
	}
	return sent, g.bring(), nil
}

// bring returns the header with the plan's value, in a map of its own at each
// attempt: an interceptor behind ours may write into it.
func (g *guard) bring() map[string]string {
	g.cut.arm()
	return map[string]string{g.client.header.Key(): g.plan.header()}
}

// gatherFromAll is gather where there are credentials of the caller's, or of the
// service's own. outgoing is how many values the outgoing context holds.
func (g *guard) gatherFromAll(ctx context.Context, uri []string, outgoing int) (Sent, map[string]string, error) {
	data, err := askFor(ctx, g.caller, uri)
	if err != nil {
		return "", nil, err
	}
	key := g.client.header.Key()
	brought := count(data, key)
	if g.plan.own != nil && outgoing+brought == 0 {
		own, err := askFor(ctx, g.plan.own, uri)
		if err != nil {
			return "", nil, unavailable(ctx, err)
		}
		sent, err := g.client.decide(&g.plan, 0, count(own, key))
		if len(own) > 0 && err == nil {
			sent = SentOwn // be it in another header
		}
		return sent, with(data, own), err
	}
	sent, err := g.client.decide(&g.plan, outgoing, brought)
	if err == nil && sent == g.plan.sent && g.plan.brings() {
		data = with(data, g.bring())
	}
	return sent, data, err
}

// decide returns whose credential is in the header of a call, or why it is
// refused. outgoing and brought are how many values the outgoing context holds
// and call credentials bring.
func (c *Client) decide(p *plan, outgoing, brought int) (Sent, error) {
	switch {
	case outgoing+brought > 1, outgoing == 1 && p.brings(): // put there by an interceptor behind ours
		return "", &refusalError{reason: ReasonRelayConflict}
	case outgoing+brought == 1:
		return SentCaller, nil
	case p.refused != nil:
		return "", p.refused
	case !p.brings() && c.requireToken:
		return "", token.NewError(token.ReasonMissing, nil)
	case !p.brings():
		return SentNothing, nil
	default:
		return p.sent, p.ended(c.now())
	}
}

// errWantSecurity is for the operator: AllowPlaintext doesn't overrule them.
var errWantSecurity = errors.New("the credentials themselves require transport security")

// askFor returns what creds bring, nothing if they are nil.
func askFor(ctx context.Context, creds credentials.PerRPCCredentials, uri []string) (map[string]string, error) {
	if creds == nil {
		return nil, nil
	}
	info, _ := credentials.RequestInfoFromContext(ctx)
	if creds.RequireTransportSecurity() && credentials.CheckSecurityLevel(info.AuthInfo, credentials.PrivacyAndIntegrity) != nil {
		return nil, &refusalError{reason: ReasonRelayInsecure, cause: errWantSecurity}
	}
	data, err := creds.GetRequestMetadata(ctx, uri...)
	if err != nil && ctx.Err() != nil {
		return nil, unavailable(ctx, err)
	}
	return data, err
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

// with returns the entries of both in a new map; neither is written to.
func with(data, more map[string]string) map[string]string {
	all := make(map[string]string, len(data)+len(more))
	maps.Copy(all, data)
	maps.Copy(all, more)
	return all
}
