package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	watchv1 "github.com/jwtrelay/jwtrelay/examples/gen/watch/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
)

// every is how long it takes until something changes again.
const every = 20 * time.Millisecond

// story is what is told of a stage, and checked.
type story struct {
	*stage
	watcher Watcher[watchv1.WatchResponse]
	seen    *sightings

	mu     sync.Mutex // the watcher tells too
	w      io.Writer
	failed bool
}

func newStory(stage *stage, conn *grpc.ClientConn, w io.Writer) *story {
	s := &story{stage: stage, seen: new(sightings), w: w}
	s.watcher = Watcher[watchv1.WatchResponse]{
		Open:     watching(conn),
		Sequence: (*watchv1.WatchResponse).GetSequence,
		Handle:   s.seen.handle,
		Pauses:   Backoff{Min: 50 * time.Millisecond, Max: 400 * time.Millisecond},
		Ended:    s.tell,
	}
	return s
}

// tell tells of a stream that has ended.
func (s *story) tell(ctx context.Context, ending Ending) {
	next := "the next stream at once"
	if ending.Pause > 0 {
		next = "the next try after " + ending.Pause.Round(time.Millisecond).String()
	}
	s.say("           after change %d: %s, %s", ending.Last, reasonOf(ending.Err), next)
	s.seen.ended(ctx, ending)
}

// reasonOf says why a stream ended, in a word.
func reasonOf(err error) string {
	if refusal, ok := interceptor.RefusalFrom(err); ok {
		return string(refusal.Reason)
	}
	return status.Code(err).String()
}

// running is a watch that goes on beside the story.
type running struct {
	stop func() // and wait
	last uint64 // once it is done
	err  error  // once it is done
	done chan struct{}
}

// watch watches what comes after a position.
func (s *story) watch(ctx context.Context, after uint64) *running {
	ctx, cancel := context.WithCancel(ctx)
	r := &running{done: make(chan struct{})}
	r.stop = start(func() {
		defer close(r.done)
		r.last, r.err = s.watcher.Run(ctx, after)
	}, cancel)
	return r
}

// write changes something every so often.
func (s *story) write(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	return start(func() {
		for wait(ctx, every) {
			s.journal.add("something")
		}
	}, cancel)
}

// say writes a line. What can't be written, nobody wanted to read.
func (s *story) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintf(s.w, format+"\n", args...)
}

// check writes what should hold, and whether it does.
func (s *story) check(holds bool, format string, args ...any) {
	verdict := "ok    "
	if !holds {
		verdict, s.failed = "FAILED", true
	}
	s.say("   "+verdict+"  "+format, args...)
}

// until waits for something.
func (s *story) until(ctx context.Context, what string, happened func() bool) {
	for !happened() {
		if !wait(ctx, 5*time.Millisecond) {
			s.check(false, "waiting for %s: %v", what, context.Cause(ctx))
			return
		}
	}
}
