package interceptor

import (
	"context"
	"errors"

	"google.golang.org/grpc/status"
)

// explained returns why ctx ended instead of err, if it ended with a token and err
// is no more than that. Any other outcome stands: the call may have ended by itself
// first, and the caller may have ended it.
func explained(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || !isEndOf(ctx, err) {
		return err
	}
	if refused := endOf(ctx); refused != nil {
		return refused
	}
	return err
}

// isEndOf reports whether err says that ctx is over, and nothing else.
func isEndOf(ctx context.Context, err error) bool {
	s := status.FromContextError(ctx.Err())
	return status.Code(err) == s.Code() || errors.Is(err, ctx.Err())
}

// endOf returns why a token ended ctx, nil if none did. A context that somebody
// cancels when the stream's is done, as gRPC's ServeHTTP does, may have lost the cause:
// the stream's has it, or that of the request which the stream came in, unless the
// caller had gone before.
func endOf(ctx context.Context) *refusalError {
	cause := context.Cause(ctx)
	var r *refusalError
	if errors.As(cause, &r) && r.ended {
		return r
	}
	if l, ok := ctx.Value(leaseKey{}).(*lease); ok && cause == context.Canceled { //nolint:errorlint // itself: nobody gave a cause
		return endOf(l.Context) //nolint:contextcheck // what ctx was made of
	}
	return nil
}
