package interceptor

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/token"
)

// clientStream is a stream that ends with its token.
type clientStream struct {
	grpc.ClientStream
	cut *cut
}

// openUntilEnd opens a stream that lives until the credential ends. A deadline
// would say DeadlineExceeded, here and at the next hop; this says why.
func (g *guard) openUntilEnd(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, streamer grpc.Streamer, opts []grpc.CallOption) (grpc.ClientStream, error) {
	ctx, cut := g.newCut(ctx)
	opts = append(g.among(opts), grpc.OnFinish(func(error) { cut.release() }))
	stream, err := streamer(ctx, desc, cc, g.call.Method, opts...)
	if err != nil {
		err = cut.explain(err)
		cut.release()
		return nil, err
	}
	return &clientStream{ClientStream: stream, cut: cut}, nil
}

// Header is that of the stream, and says so if it was cut.
func (s *clientStream) Header() (grpcmd.MD, error) {
	md, err := s.ClientStream.Header()
	return md, s.cut.explain(err)
}

// SendMsg is that of the stream, and says so if it was cut.
func (s *clientStream) SendMsg(m any) error { return s.cut.explain(s.ClientStream.SendMsg(m)) }

// RecvMsg is that of the stream, and says so if it was cut.
func (s *clientStream) RecvMsg(m any) error { return s.cut.explain(s.ClientStream.RecvMsg(m)) }

// CloseSend is not among them: its error is only ever that of the stream,
// which RecvMsg returns too.

// cut ends the context of a stream with the credential that it carries.
type cut struct {
	reason error
	cause  func() error
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

// newCut returns a context that ends with g's credential, unless the caller's
// own goes out instead. Release the cut once the context has served.
func (g *guard) newCut(ctx context.Context) (context.Context, *cut) {
	expired := newRefusal(token.NewError(token.ReasonExpired, nil), g.call.Method, g.client.hop)
	ctx, cancel := context.WithCancelCause(ctx)
	c := &cut{
		reason: expired,
		cause:  func() error { return context.Cause(ctx) },
		cancel: cancel,
	}
	c.timer = time.AfterFunc(g.ours.ValidUntil.Sub(g.client.now()), func() {
		if g.others != nil && !g.carried.Load() {
			return // what goes out may be the caller's own; ours won't any more
		}
		cancel(expired)
		g.client.observe(ctx, Relayed{
			Method: g.call.Method, Target: g.call.Target, Sent: g.sent, Reason: expired.reason, Err: expired,
		})
	})
	return ctx, c
}

// release ends the context, and frees what the cut holds.
func (c *cut) release() {
	c.timer.Stop()
	c.cancel(nil)
}

// explain returns the reason instead of the bare "canceled" that a cut leads
// to. Any other outcome stands: the call may have ended by itself first.
func (c *cut) explain(err error) error {
	if status.Code(err) == codes.Canceled && errors.Is(c.cause(), c.reason) {
		return c.reason
	}
	return err
}
