package interceptor

import (
	"context"

	"google.golang.org/grpc"
)

// serverStream is a stream whose context holds the verified token.
type serverStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // a grpc.ServerStream is how the handler gets its context
}

// Context returns the handler's context.
func (s *serverStream) Context() context.Context { return s.ctx }

// serve runs the handler of a stream that was let in with ctx. It is the one
// place that sees a stream from its beginning to its end, and so the place for
// whatever ends with the token.
func serve(ctx context.Context, srv any, stream grpc.ServerStream, handler grpc.StreamHandler) error {
	return handler(srv, &serverStream{ServerStream: stream, ctx: ctx})
}
