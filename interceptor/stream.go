package interceptor

import (
	"context"

	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/token"
)

// serverStream is a stream whose context says who is calling.
type serverStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // a grpc.ServerStream is how the handler gets its context
}

// Context returns the handler's context.
func (s *serverStream) Context() context.Context { return s.ctx }

// leasedStream is a serverStream that ends with its token.
type leasedStream struct {
	serverStream
	lease *lease
}

// SendMsg is that of the stream, until the token ends.
func (s *leasedStream) SendMsg(m any) error {
	if refused := s.lease.refused(); refused != nil {
		return refused
	}
	return s.lease.explain(s.ServerStream.SendMsg(m))
}

// RecvMsg is that of the stream, until the token ends.
func (s *leasedStream) RecvMsg(m any) error {
	if refused := s.lease.refused(); refused != nil {
		return refused
	}
	return s.lease.explain(s.ServerStream.RecvMsg(m))
}

// serve runs the handler of a stream that was let in with ctx. It is the one
// place that sees a stream from its beginning to its end.
func (s *Server) serve(ctx context.Context, srv any, stream grpc.ServerStream, method string, handler grpc.StreamHandler) error {
	t, ok := token.FromContext(ctx)
	if !ok {
		return handler(srv, &serverStream{ServerStream: stream, ctx: ctx})
	}
	ctx, lease := s.newLease(ctx, t, method)
	if _, inner := token.Decided(stream.Context()); !inner { //nolint:contextcheck // the stream's own: a handler's call in the process has the outer one's transport
		lease.transport, _ = grpc.ServerTransportStreamFromContext(ctx).(statusWriter)
	}
	defer lease.release()
	lease.start()                                   //nolint:contextcheck // it has the context
	if refused := lease.refused(); refused != nil { // it ended while it was verified
		return refused
	}
	err := handler(srv, &leasedStream{serverStream{ServerStream: stream, ctx: ctx}, lease})
	if refused := lease.settle(); refused != nil {
		return refused
	}
	return err
}
