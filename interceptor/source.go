package interceptor

import (
	"context"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

// Call is an outgoing call.
type Call struct {
	Method string // full name
	Target string // what the connection was dialled with
}

// Credential is what goes out with a call. The zero value is nothing.
type Credential struct {
	// Value is the whole value of the header: "Bearer " and the token.
	Value string

	// ValidUntil is when the credential ends. Calls are refused from then on,
	// and streams are cut. Zero means that it isn't known.
	ValidUntil time.Time
}

// Source gives the credential of an outgoing call. Relaying is the default one;
// exchanging the token for another (RFC 8693) would be another. An error
// refuses the call and is returned as it is. It may be called concurrently, and
// should heed ctx if it waits.
type Source func(ctx context.Context, call Call) (Credential, error)

// supply returns what goes out with a call that carries nothing yet.
func (c *Client) supply(ctx context.Context, call Call) (Credential, Sent, error) {
	if c.source == nil {
		return c.relay(ctx)
	}
	credential, err := c.source(ctx, call)
	if err != nil || credential.Value == "" {
		return Credential{}, SentNothing, err
	}
	return credential, SentSource, nil
}

// relay is the default source: the token of the call that ctx belongs to.
func (c *Client) relay(ctx context.Context) (Credential, Sent, error) {
	if t, decided := token.Decided(ctx); decided {
		return c.relayVerified(t)
	}
	value, err := c.header.IncomingValue(ctx)
	if err != nil {
		return Credential{}, SentNothing, nil //nolint:nilerr // none, or none that a server would accept
	}
	if c.verifiedOnly {
		return Credential{}, SentNothing, &refusal{reason: ReasonRelayUnverified}
	}
	return Credential{Value: value}, SentIncoming, nil
}

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
