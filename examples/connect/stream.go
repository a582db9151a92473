package connectrelay

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
)

// stream is a stream that ends with the token that it carries. Headers may be set
// until it first sends, so that is when the relay looks.
type stream struct {
	connect.StreamingClientConn
	relay  *Relay
	ctx    context.Context //nolint:containedctx // of the stream, which is what ends
	cancel context.CancelCauseFunc
	begun  bool
	end    atomic.Pointer[time.Timer] // nil as long as there is no token
}

// open opens a stream. A deadline would say DeadlineExceeded, here and at the
// next hop; the cause of a cancellation says why.
func (r *Relay) open(ctx context.Context, spec connect.Spec, next connect.StreamingClientFunc) connect.StreamingClientConn {
	ctx, cancel := context.WithCancelCause(ctx)
	return &stream{StreamingClientConn: next(ctx, spec), relay: r, ctx: ctx, cancel: cancel}
}

// Send is that of the stream, with the headers before the first message.
func (s *stream) Send(message any) error {
	if err := s.begin(); err != nil {
		return err
	}
	return s.explain(s.StreamingClientConn.Send(message))
}

// CloseRequest is that of the stream; without a message before, it sends the
// headers.
func (s *stream) CloseRequest() error {
	if err := s.begin(); err != nil {
		return err
	}
	return s.explain(s.StreamingClientConn.CloseRequest())
}

// Receive is that of the stream, and says so if that ended with its token.
func (s *stream) Receive(message any) error {
	err := s.explain(s.StreamingClientConn.Receive(message))
	if err != nil {
		s.release()
	}
	return err
}

// CloseResponse is that of the stream.
func (s *stream) CloseResponse() error {
	defer s.cancel(nil)
	s.release()
	return s.StreamingClientConn.CloseResponse()
}

// begin looks at the headers once. A stream that is refused sends nothing, and
// whoever waits for its answer learns why.
func (s *stream) begin() error {
	if s.begun {
		return s.explain(nil)
	}
	s.begun = true
	sent, err := s.relay.prepare(s.ctx, s.RequestHeader(), s.Peer())
	if err != nil {
		s.cancel(err)
		return err
	}
	if sent != nil {
		left := sent.ValidUntil().Sub(s.relay.config.Now())
		s.end.Store(time.AfterFunc(left, func() { s.cancel(s.relay.expired()) }))
	}
	return nil
}

// release frees what would end the stream.
func (s *stream) release() {
	if end := s.end.Load(); end != nil {
		end.Stop()
	}
}

// explain returns why the stream was ended here, instead of the bare "canceled"
// that this leads to. Any other outcome stands.
func (s *stream) explain(err error) error {
	var refusal *connect.Error
	if (err == nil || isCanceled(err)) && errors.As(context.Cause(s.ctx), &refusal) {
		return refusal
	}
	return explained(s.ctx, err)
}
