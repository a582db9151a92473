package metadata

import (
	"context"

	grpcmd "google.golang.org/grpc/metadata"
)

// FromIncoming returns the token of an incoming gRPC call; see [Header.Parse]
// for the errors. A context that is of no incoming call has none: [ErrMissing].
func FromIncoming(ctx context.Context) (token string, err error) {
	return Header{}.FromIncoming(ctx)
}

// ToOutgoing returns a context whose outgoing gRPC calls carry token, and no
// other value of the header: what was there is replaced. The error is
// [ErrMalformed] or [ErrTooLarge] for a token that no reader would accept.
func ToOutgoing(ctx context.Context, token string) (context.Context, error) {
	return Header{}.ToOutgoing(ctx, token)
}

// Relay returns a context whose outgoing gRPC calls carry the bearer value of
// the incoming one, unchanged. If there isn't exactly one to carry, or the
// outgoing call has a value already, it returns ctx as it is.
//
// It is for code that makes its calls without the client interceptors. They do
// more: they relay only what was verified, and never over a connection that
// anyone could read.
func Relay(ctx context.Context) context.Context { return Header{}.Relay(ctx) }

// FromIncoming is [FromIncoming] for this header.
func (h Header) FromIncoming(ctx context.Context) (token string, err error) {
	return h.Parse(grpcmd.ValueFromIncomingContext(ctx, h.Key()))
}

// IncomingValue returns the whole header value of an incoming gRPC call if it
// holds one bearer token: the scheme as the caller spelt it, and the token.
// The errors are those of [Header.Parse].
func (h Header) IncomingValue(ctx context.Context) (value string, err error) {
	values := grpcmd.ValueFromIncomingContext(ctx, h.Key())
	if _, err := h.Parse(values); err != nil {
		return "", err
	}
	return values[0], nil
}

// ToOutgoing is [ToOutgoing] for this header.
func (h Header) ToOutgoing(ctx context.Context, token string) (context.Context, error) {
	value := scheme + token
	if _, err := h.Parse([]string{value}); err != nil {
		return ctx, err
	}
	md, ok := grpcmd.FromOutgoingContext(ctx) // a copy: others may share the original
	if !ok {
		return grpcmd.AppendToOutgoingContext(ctx, h.Key(), value), nil
	}
	md.Set(h.Key(), value)
	return grpcmd.NewOutgoingContext(ctx, md), nil
}

// Relay is [Relay] for this header.
func (h Header) Relay(ctx context.Context) context.Context {
	value, err := h.IncomingValue(ctx)
	if err != nil || h.OutgoingValues(ctx) > 0 {
		return ctx
	}
	return grpcmd.AppendToOutgoingContext(ctx, h.Key(), value)
}

// OutgoingValues returns how many values of the header the outgoing gRPC calls
// of ctx carry so far.
func (h Header) OutgoingValues(ctx context.Context) int {
	return len(grpcmd.ValueFromOutgoingContext(ctx, h.Key()))
}
