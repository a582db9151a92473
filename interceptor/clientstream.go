package interceptor

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/token"
)

// clientStream is a stream that says so if it ended with a token: the one that it
// carries, or the one of the call that is being served.
type clientStream struct {
	grpc.ClientStream
	ctx context.Context //nolint:containedctx // of the stream, whose cause says why it ended
}

// openUncut opens a stream that carries nothing whose end is known. In the context
// of a call with a token it ends when that call does.
func openUncut(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts []grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := streamer(ctx, desc, cc, method, opts...)
	if err != nil {
		return nil, explained(ctx, err)
	}
	if _, decided := token.Decided(ctx); !decided { // nothing of ours ends it
		return stream, nil
	}
	return &clientStream{ClientStream: stream, ctx: ctx}, nil
}

// openUntilEnd opens a stream that lives until the credential ends. A deadline
// would say DeadlineExceeded, here and at the next hop; this says why.
func (g *guard) openUntilEnd(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, streamer grpc.Streamer, opts []grpc.CallOption) (grpc.ClientStream, error) {
	ctx, g.cut = g.newCut(ctx)
	if g.caller == nil { // nothing else can go out, so don't wait for a connection longer either
		g.cut.arm()
	}
	opts = g.among(opts, grpc.OnFinish(func(error) { g.cut.release() }))
	stream, err := streamer(ctx, desc, cc, g.call.Method, opts...)
	if err != nil {
		err = explained(ctx, err)
		g.cut.release()
		return nil, err
	}
	return &clientStream{ClientStream: stream, ctx: ctx}, nil
}

// Header is that of the stream, and says so if it was cut.
func (s *clientStream) Header() (grpcmd.MD, error) {
	md, err := s.ClientStream.Header()
	return md, explained(s.ctx, err)
}

// SendMsg is that of the stream, and says so if it was cut.
func (s *clientStream) SendMsg(m any) error { return explained(s.ctx, s.ClientStream.SendMsg(m)) }

// RecvMsg is that of the stream, and says so if it was cut.
func (s *clientStream) RecvMsg(m any) error { return explained(s.ctx, s.ClientStream.RecvMsg(m)) }

// CloseSend is not among them: its error is only ever that of the stream,
// which RecvMsg returns too.

// cut ends the context of a stream with the credential that it carries. A nil
// cut does nothing.
type cut struct {
	ctx    context.Context //nolint:containedctx // of the stream, which is what is cut
	cancel context.CancelCauseFunc
	guard  *guard

	mu       sync.Mutex
	timer    *time.Timer // nil until armed
	released bool
}

// newCut returns a context that the cut ends. Release the cut once the context
// has served.
func (g *guard) newCut(ctx context.Context) (context.Context, *cut) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &cut{ctx: ctx, cancel: cancel, guard: g}
}

// arm makes the cut happen when the credential ends.
func (c *cut) arm() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer == nil && !c.released {
		c.timer = time.AfterFunc(c.guard.plan.until.Sub(c.guard.client.now()), c.fire)
	}
}

// fire ends the context, unless something else has.
func (c *cut) fire() {
	g := c.guard
	r := newRefusal(g.plan.ended(g.plan.until), g.call.Method, g.client.hop)
	r.ended = true
	c.cancel(r)
	if errors.Is(context.Cause(c.ctx), r) {
		g.client.observe(c.ctx, Relayed{
			Method: g.call.Method, Target: g.call.Target, Sent: g.plan.sent, Reason: r.reason, Err: r,
		})
	}
}

// release ends the context, and frees what the cut holds.
func (c *cut) release() {
	c.mu.Lock()
	c.released = true
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	c.cancel(nil)
}
