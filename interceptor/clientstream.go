package interceptor

import (
	"context"
	"errors"
	"slices"
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

// openUntil opens a stream that lives until the credential ends. A deadline
// would say DeadlineExceeded, here and at the next hop; this says why.
func (c *Client) openUntil(ctx context.Context, until time.Time, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts []grpc.CallOption) (grpc.ClientStream, error) {
	expired := newRefusal(token.NewError(token.ReasonExpired, nil), method, c.hop)
	ctx, cut := newCut(ctx, until.Sub(c.now()), expired)
	opts = append(slices.Clip(opts), grpc.OnFinish(func(error) { cut.release() }))
	stream, err := streamer(ctx, desc, cc, method, opts...)
	if err != nil {
		err = cut.explain(err)
		cut.release()
		return nil, err
	}
	return &clientStream{ClientStream: stream, cut: cut}, nil
}

// Header, SendMsg and RecvMsg say why the stream ended, if it was cut.

func (s *clientStream) Header() (grpcmd.MD, error) {
	md, err := s.ClientStream.Header()
	return md, s.cut.explain(err)
}

func (s *clientStream) SendMsg(m any) error { return s.cut.explain(s.ClientStream.SendMsg(m)) }

func (s *clientStream) RecvMsg(m any) error { return s.cut.explain(s.ClientStream.RecvMsg(m)) }

// CloseSend is not among them: its error is only ever that of the stream,
// which RecvMsg returns too.

// cut ends a context after a while, for a reason.
type cut struct {
	reason error
	cause  func() error
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

// newCut returns a context that ends after d with the given reason. Release the
// cut once the context has served.
func newCut(ctx context.Context, d time.Duration, reason error) (context.Context, *cut) {
	ctx, cancel := context.WithCancelCause(ctx)
	c := &cut{
		reason: reason,
		cause:  func() error { return context.Cause(ctx) },
		cancel: cancel,
	}
	c.timer = time.AfterFunc(d, func() { cancel(reason) })
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
