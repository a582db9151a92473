package interceptor

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/token"
)

// lease is what an open stream lives on: it ends with the token, when that
// expires or is revoked.
type lease struct {
	server *Server
	method string
	token  *token.Token
	ctx    context.Context //nolint:containedctx // of the stream, which is what ends
	cancel context.CancelCauseFunc

	// transport writes the status past a handler that is blocked. It is nil if
	// gRPC doesn't offer that; then the handler has to return first.
	transport statusWriter

	outcome atomic.Pointer[outcome] // nil while the stream is open

	timer   *time.Timer
	unwatch func()
}

// statusWriter is what gRPC's transport streams offer beyond their interface.
type statusWriter interface {
	WriteStatus(s *status.Status) error
}

// outcome is how a lease ended.
type outcome struct {
	refused *refusalError // nil if the handler returned first
	written chan struct{} // closed when the caller has been told
}

// settled is the outcome of a stream whose handler returned while it was open.
var settled = new(outcome) //nolint:gochecknoglobals // a value like any sentinel

// newLease returns a context that ends with the token, once the lease has been
// started. Release it when the context has served.
func (s *Server) newLease(ctx context.Context, t *token.Token, method string) (context.Context, *lease) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &lease{server: s, method: method, token: t, ctx: ctx, cancel: cancel}
}

// start makes the lease end with the token; at once, if that has ended already.
func (l *lease) start() {
	l.timer = time.AfterFunc(l.token.ValidUntil().Sub(l.server.now()), func() { l.end(token.ReasonExpired) })
	l.unwatch = l.server.verifier.OnRevoked(l.token, func() { l.end(token.ReasonRevoked) })
}

// end ends the stream, unless its handler has returned or it was ended before. The
// context comes first: a handler that waits for it and for the stream learns why.
// Whoever revokes is not kept waiting: telling the caller, over net/http, and the
// observer may take as long as they like.
func (l *lease) end(reason token.Reason) {
	refused := newRefusal(token.NewError(reason, nil), l.method, l.server.hop)
	refused.hopHidden = l.server.hideHops
	ended := &outcome{refused: refused, written: make(chan struct{})}
	if !l.outcome.CompareAndSwap(nil, ended) {
		return
	}
	if l.server.shadow != nil { // nobody is refused, but it is told
		close(ended.written)
		go l.server.observeEnd(l.ctx, l.token, refused)
		return
	}
	l.cancel(refused)
	go l.tell(ended)
}

// tell tells the caller and the observer, who is spared it if the caller had gone
// before.
func (l *lease) tell(ended *outcome) {
	if l.transport != nil {
		_ = l.transport.WriteStatus(ended.refused.GRPCStatus()) // an error is a stream that is gone
	}
	close(ended.written)
	if errors.Is(context.Cause(l.ctx), ended.refused) {
		l.server.observeEnd(context.WithoutCancel(l.ctx), l.token, ended.refused)
	}
}

// refused returns why the stream ended, nil if it was not ended by us.
func (l *lease) refused() *refusalError {
	if ended := l.outcome.Load(); ended != nil && l.server.shadow == nil {
		return ended.refused
	}
	return nil
}

// explain returns why the stream ended instead of the error that this led to.
func (l *lease) explain(err error) error {
	if refused := l.refused(); err != nil && refused != nil {
		return refused
	}
	return err
}

// settle is called when the handler has returned. From then on the stream is
// gRPC's again; settle waits while the caller is being told.
func (l *lease) settle() *refusalError {
	if !l.outcome.CompareAndSwap(nil, settled) {
		if ended := l.outcome.Load(); ended != settled {
			<-ended.written
		}
	}
	return l.refused()
}

// release frees what the lease holds, whether or not the handler returned.
func (l *lease) release() {
	_ = l.settle() // who returned knows, and who panicked says something else
	l.timer.Stop()
	if l.unwatch != nil {
		l.unwatch()
	}
	l.cancel(nil)
}
