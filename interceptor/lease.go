package interceptor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/token"
)

// lease is what an open stream or an HTTP request lives on: it ends with the
// token, when that expires or is revoked.
type lease struct {
	context.Context //nolint:containedctx // of the stream, which is what ends

	server *Server
	method string
	token  *token.Token
	cancel context.CancelCauseFunc

	// transport writes the status past a handler that is blocked. It is nil if
	// gRPC doesn't offer that; then the handler has to return first.
	transport statusWriter

	// response is cut off past a handler that is blocked. It is nil for a stream.
	response http.ResponseWriter

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
	l := &lease{Context: ctx, server: s, method: method, token: t, cancel: cancel}
	return l, l
}

// leaseKey is the key of the lease in its context.
type leaseKey struct{}

// Value returns the lease itself for its key: contexts that were made of the stream's
// find it, also those that have lost the cause.
func (l *lease) Value(key any) any {
	if key == (leaseKey{}) {
		return l
	}
	return l.Context.Value(key)
}

// String says no more than contexts do. fmt would otherwise read the fields, of a
// context that a test or a log prints, while the token ends.
func (l *lease) String() string { return fmt.Sprint(l.Context) + ".WithLease" }

// start makes the lease end with the token; at once, if that has ended already. The
// timer is monotonic: while the machine sleeps it stands still.
func (l *lease) start() {
	l.timer = time.AfterFunc(l.token.ValidUntil().Sub(l.server.now()), func() { l.end(token.ReasonExpired) })
	l.unwatch = l.server.verifier.OnRevoked(l.token, func() { l.end(token.ReasonRevoked) })
}

// end ends the stream, unless its handler has returned or it was ended before. The
// context comes first: a handler that waits for it and for the stream learns why.
// Whoever revokes is not kept waiting: telling the caller, over net/http, and the
// observer may take as long as they like. The handler may be running meanwhile, so
// what gRPC does not lock (SetSendCompressor) is not safe for it at the end.
func (l *lease) end(reason token.Reason) {
	refused := newRefusal(token.NewError(reason, nil), l.method, l.server.hop)
	refused.hopHidden, refused.ended = l.server.hideHops, true
	ended := &outcome{refused: refused, written: make(chan struct{})}
	if !l.outcome.CompareAndSwap(nil, ended) {
		return
	}
	if l.server.shadow != nil { // nobody is refused, but it is told
		close(ended.written)
		go l.server.observeEnd(l.Context, l.token, refused)
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
	if l.response != nil {
		cutOff(l.response)
	}
	close(ended.written)
	if errors.Is(context.Cause(l.Context), ended.refused) {
		l.server.observeEnd(context.WithoutCancel(l.Context), l.token, ended.refused)
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
	if err == nil {
		return nil
	}
	if refused := l.refused(); refused != nil {
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

// release frees what the lease holds, whether or not the handler returned. Contexts
// that were made of it may live on, and must not keep the connection in memory.
func (l *lease) release() {
	_ = l.settle() // who returned knows, and who panicked says something else
	l.timer.Stop()
	if l.unwatch != nil {
		l.unwatch()
	}
	l.cancel(nil)
	l.transport, l.response = nil, nil // settle has waited for who uses them
}
