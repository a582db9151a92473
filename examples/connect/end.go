package connectrelay

import (
	"context"
	"errors"

	"connectrpc.com/connect"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/token"
)

// Ends is an interceptor for handlers behind interceptor.Server.HTTPHandler. A
// stream that ended with its token ends with that refusal, whatever its handler says
// of it, and a unary call that was broken off for it too. Connect would tell the
// caller "canceled". On a client it does nothing. Its zero value is ready to use.
type Ends struct{}

var _ connect.Interceptor = Ends{}

// WrapUnary implements [connect.Interceptor].
func (Ends) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		response, err := next(ctx, request)
		return response, explained(ctx, err)
	}
}

// WrapStreamingClient implements [connect.Interceptor]. It changes nothing.
func (Ends) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements [connect.Interceptor].
func (Ends) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		err := next(ctx, conn)
		if refusal := endOf(ctx); refusal != nil {
			return refusal
		}
		return err
	}
}

// explained returns why ctx ended, if it ended with the token of the call that is
// being served, instead of the bare "canceled" that this leads to. Any other outcome
// stands.
func explained(ctx context.Context, err error) error {
	if !isCanceled(err) {
		return err
	}
	if refusal := endOf(ctx); refusal != nil {
		return refusal
	}
	return err
}

// isCanceled reports whether err is no more than the end of a context.
func isCanceled(err error) bool {
	return errors.Is(err, context.Canceled) || err != nil && connect.CodeOf(err) == connect.CodeCanceled
}

// endOf returns why ctx is over, nil if it is not or didn't end with a token.
func endOf(ctx context.Context) *connect.Error {
	cause := context.Cause(ctx)
	switch token.ReasonOf(cause) { // that a service behind answers is none of these
	case token.ReasonExpired, token.ReasonRevoked:
		return fromStatus(status.Convert(asStatus(cause)))
	default:
		return nil
	}
}
