package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
)

// ErrOutOfOrder is a service that left a change out, or sent one twice. It is a
// mistake of the service's, or its replicas don't number alike.
var ErrOutOfOrder = errors.New("the changes are out of order")

// Watcher watches changes of the type C, over as many streams as that takes: none
// lives longer than its token. A Watcher may be shared, for it keeps nothing.
type Watcher[C any] struct {
	// Open opens a stream of all that comes after a position. What is asked for is
	// up to it, and so is the token: the connection's, fresh at each call. A service
	// should send its header when it lets a stream in. If it waits for a change to
	// send, a stream on which nothing changed looks as if it had been refused.
	Open func(ctx context.Context, after uint64) (grpc.ServerStreamingClient[C], error)

	// Sequence returns the number of a change: 1 more than that of the one before.
	Sequence func(change *C) uint64

	// Handle is called with each change, one at a time and in their order. While it
	// is busy nothing is read, and gRPC has the service wait. ctx is that of Run, not
	// of the stream: what came while the token was valid may be finished after its
	// end. An error ends the watch; Handle should make sure that nothing was done.
	Handle func(ctx context.Context, change *C) error

	// Pauses are made while streams fail. A stream that ends sooner than Pauses.Min
	// after it was opened has failed too, whatever it says.
	Pauses Backoff

	// Ended is told of each stream that will be followed by another, before the
	// pause. For a line in the log; may be nil.
	Ended func(ctx context.Context, ending Ending)
}

// Ending is the end of one stream of a watch that goes on.
type Ending struct {
	Last  uint64        // the number of the last change that was handled
	Err   error         // how the stream ended
	Pause time.Duration // before the next is opened; 0 is at once
}

// Run handles what comes after a position, until that can't go on. It returns the
// position to go on from another time, which is never past what was handled, and
// why it ended:
//
//   - nil: the service ended the watch, and not for a failure
//   - the cause of ctx, if that has ended
//   - an error that is [ErrLogin]: with the tokens of a new login, Run goes on from last
//   - what Handle returned
//   - an error that is [ErrOutOfOrder]
//   - any other error that ended a stream, or that Open returned. With
//     codes.OutOfRange, changes after last are lost to this watch: read the whole
//     state, and go on from there.
//
// Tokens that expire and services that are away don't end it.
func (w *Watcher[C]) Run(ctx context.Context, after uint64) (last uint64, err error) {
	last = after
	for failed := 0; ; failed++ {
		s := w.follow(ctx, &last)
		switch {
		case s.left != nil:
			return last, s.left
		case ctx.Err() != nil:
			return last, context.Cause(ctx)
		case errors.Is(s.err, io.EOF):
			return last, nil
		case s.lived >= w.Pauses.least():
			failed = 0
		}
		pause, err := w.Pauses.before(s.err, failed)
		if err != nil {
			return last, err
		}
		if w.Ended != nil {
			w.Ended(ctx, Ending{last, s.err, pause})
		}
		if !wait(ctx, pause) {
			return last, context.Cause(ctx)
		}
	}
}

// streamed is what became of one stream.
type streamed struct {
	lived time.Duration // since the service let it in; 0 if it didn't
	err   error         // how it ended, nil if it was left before
	left  error         // why it was left
}

// follow handles the changes of one stream, and moves last with them.
func (w *Watcher[C]) follow(ctx context.Context, last *uint64) (s streamed) {
	streaming, cancel := context.WithCancel(ctx)
	defer cancel() // nothing else frees a stream that is left
	stream, err := w.Open(streaming, *last)
	if err != nil {
		return streamed{err: err}
	}
	if header, _ := stream.Header(); header != nil { // without one it was refused
		opened := time.Now()
		defer func() { s.lived = time.Since(opened) }()
	}
	for {
		change, err := stream.Recv()
		if err != nil {
			return streamed{err: err}
		}
		if err := w.take(ctx, change, last); err != nil {
			return streamed{left: err}
		}
	}
}

// take handles the change if it is the one after last.
func (w *Watcher[C]) take(ctx context.Context, change *C, last *uint64) error {
	if n := w.Sequence(change); n != *last+1 {
		return fmt.Errorf("%w: %d came after %d", ErrOutOfOrder, n, *last)
	}
	if err := w.Handle(ctx, change); err != nil {
		return err
	}
	*last++
	return nil
}

// wait returns after the pause. It is false if ctx ended before.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
