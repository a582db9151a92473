package interceptor

import (
	"context"
	"errors"

	"github.com/jwtrelay/jwtrelay/metadata"
	"github.com/jwtrelay/jwtrelay/token"
)

// Call is an outgoing call.
type Call struct {
	Method string // full name
	Target string // what the connection was dialled with
}

// Source gives the credential of an outgoing call. Relaying is the default one;
// exchanging the token for another (RFC 8693) would be another. An error that
// is a gRPC status refuses the call as it is; any other one refuses it with
// [ReasonCredentialUnavailable], and reaches the operator only. It may be called
// concurrently, and should heed ctx if it waits.
type Source func(ctx context.Context, call Call) (Credential, error)

// supply returns what goes out with a call that carries nothing yet, and
// SentNothing if that is nothing.
func (c *Client) supply(ctx context.Context, call Call) (Credential, Sent, error) {
	if c.source == nil {
		return c.relay(ctx)
	}
	credential, err := c.source(ctx, call)
	if err != nil {
		return Credential{}, SentNothing, unavailable(err)
	}
	if credential.Value == "" {
		return Credential{}, SentNothing, nil
	}
	return credential, SentSource, nil
}

// relay is the default source: the token of the call that ctx belongs to.
func (c *Client) relay(ctx context.Context) (Credential, Sent, error) {
	if t, decided := token.Decided(ctx); decided {
		return c.relayVerified(t)
	}
	value, err := c.header.IncomingValue(ctx)
	switch {
	case errors.Is(err, metadata.ErrMissing):
		return Credential{}, SentNothing, nil
	case err != nil: // sending nothing would make the caller anonymous
		return Credential{}, SentNothing, token.NewError(reasonFor(err), err)
	case c.verifiedOnly:
		return Credential{}, SentNothing, &refusal{reason: ReasonRelayUnverified, cause: errNotVerified}
	default:
		return Credential{Value: value}, SentIncoming, nil
	}
}

// errNotVerified is for the operator.
var errNotVerified = errors.New("no server interceptor ran for this context: use Server.Options, or token.NewContext after Verify")

// relayVerified relays the token that a server verified, which is nil if it let
// the call in without one.
func (c *Client) relayVerified(t *token.Token) (Credential, Sent, error) {
	if t == nil || t.Authorization() == "" {
		return Credential{}, SentNothing, nil
	}
	if c.audience != "" && !t.HasAudience(c.audience) {
		return Credential{}, SentNothing, token.NewError(token.ReasonAudienceMismatch, nil)
	}
	return Credential{Value: t.Authorization(), ValidUntil: t.ValidUntil()}, SentVerified, nil
}
