package main

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	watchv1 "github.com/jwtrelay/jwtrelay/examples/gen/watch/v1"
)

// played is a stream of numbers, which ends with an error.
type played struct {
	grpc.ClientStream
	ctx     context.Context //nolint:containedctx // of the stream, which ends with it
	refused bool            // at the door: without a header
	numbers []uint64
	end     error // nil if only ctx ends it
}

func (p *played) Header() (grpcmd.MD, error) {
	if p.refused {
		return nil, nil
	}
	return grpcmd.MD{}, nil
}

func (p *played) Recv() (*uint64, error) {
	if len(p.numbers) > 0 {
		n := p.numbers[0]
		p.numbers = p.numbers[1:]
		return &n, nil
	}
	if p.end == nil {
		<-p.ctx.Done()
		return nil, status.FromContextError(p.ctx.Err()).Err()
	}
	return nil, p.end
}

// player plays streams, one after the other.
type player struct {
	streams []*played
	after   []uint64 // that they were opened with
}

// watcher returns a watcher of the streams that handles numbers by handle, or keeps
// quiet.
func (p *player) watcher(handle func(uint64) error) *Watcher[uint64] {
	return &Watcher[uint64]{
		Open: func(ctx context.Context, after uint64) (grpc.ServerStreamingClient[uint64], error) {
			stream := p.streams[len(p.after)]
			stream.ctx = ctx
			p.after = append(p.after, after)
			return stream, nil
		},
		Sequence: func(n *uint64) uint64 { return *n },
		Handle: func(_ context.Context, n *uint64) error {
			if handle == nil {
				return nil
			}
			return handle(*n)
		},
	}
}

var errAway = status.Error(codes.Unavailable, "away")

// TestWhatEndsAWatch has what is not a matter of tokens.
func TestWhatEndsAWatch(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	fails := func(at uint64, err error) func(uint64) error {
		return func(n uint64) error {
			if n == at {
				return err
			}
			return nil
		}
	}
	for name, test := range map[string]struct {
		streams []*played
		handle  func(uint64) error
		last    uint64
		want    error
	}{
		"the service says that it is over":    {[]*played{{numbers: []uint64{4, 5}, end: io.EOF}}, nil, 5, nil},
		"it is over after an outage":          {[]*played{{numbers: []uint64{4}, end: errAway}, {numbers: []uint64{5}, end: io.EOF}}, nil, 5, nil},
		"a number is missing":                 {[]*played{{numbers: []uint64{4, 6}}}, nil, 4, ErrOutOfOrder},
		"a number comes twice":                {[]*played{{numbers: []uint64{4, 4}}}, nil, 4, ErrOutOfOrder},
		"a number comes again":                {[]*played{{numbers: []uint64{4}, end: errAway}, {numbers: []uint64{4}}}, nil, 4, ErrOutOfOrder},
		"the first is not the next":           {[]*played{{numbers: []uint64{3}}}, nil, 3, ErrOutOfOrder},
		"a change can't be handled":           {[]*played{{numbers: []uint64{4, 5, 6}}}, fails(5, full), 4, full},
		"it fails as a stream does, when out": {[]*played{{numbers: []uint64{4, 5, 6}}}, fails(5, errAway), 4, errAway},
		"it says EOF":                         {[]*played{{numbers: []uint64{4, 5, 6}}}, fails(5, io.EOF), 4, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &player{streams: test.streams}
				last, err := p.watcher(test.handle).Run(t.Context(), 3)
				if last != test.last || !errors.Is(err, test.want) || len(p.after) != len(test.streams) {
					t.Errorf("got %d, %v, over %d streams", last, err, len(p.after))
				}
			})
		})
	}
}

// TestAStreamThatIsLeftIsFreed has a handler that fails: the stream's context ends.
func TestAStreamThatIsLeftIsFreed(t *testing.T) {
	t.Parallel()
	stream := &played{numbers: []uint64{1}}
	p := &player{streams: []*played{stream}}
	_, _ = p.watcher(func(uint64) error { return io.ErrShortWrite }).Run(t.Context(), 0)
	if stream.ctx.Err() == nil {
		t.Error("it is still open")
	}
}

// TestStopping has every place in which a watch may be when its context ends.
func TestStopping(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string]*played{
		"a stream is open":  {numbers: []uint64{1}},
		"there is a pause":  {numbers: []uint64{1}, end: errAway},
		"it has just ended": {numbers: []uint64{1}, end: status.Error(codes.Canceled, "gone")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				p := &player{streams: []*played{stream}}
				w := p.watcher(nil)
				w.Pauses = Backoff{Min: time.Hour, Max: time.Hour}
				if name == "it has just ended" {
					w.Handle = func(context.Context, *uint64) error { cancel(errEnough); return nil }
				}
				time.AfterFunc(time.Minute, func() { cancel(errEnough) })
				began := time.Now()
				last, err := w.Run(ctx, 0)
				if last != 1 || !errors.Is(err, errEnough) || time.Since(began) > time.Minute {
					t.Errorf("got %d, %v after %v", last, err, time.Since(began))
				}
			})
		})
	}
}

// TestAHandlerIsNotHurried has a context of a handler that outlives the stream.
func TestAHandlerIsNotHurried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var ended func() error
		handle := w.watcher.Handle
		w.watcher.Handle = func(ctx context.Context, change *watchv1.WatchResponse) error {
			ended = ctx.Err
			time.Sleep(3 * tokenLife) // three ends of tokens
			if err := ctx.Err(); err != nil {
				t.Error(err)
			}
			return handle(ctx, change)
		}
		w.journal.add("something")
		last, err := w.run(0, 4*tokenLife)
		if !errors.Is(err, errEnough) || ended() == nil {
			t.Error(err)
		}
		w.wantSeen(last)
	})
}

// TestFailuresAreForgotten has pauses that begin anew after a stream that lived.
func TestFailuresAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := func() *played { return &played{refused: true, end: errAway} }
		p := &player{streams: []*played{refused(), refused(), refused(), {numbers: []uint64{1}, end: errAway}, refused(), {end: io.EOF}}}
		w := p.watcher(func(uint64) error { time.Sleep(time.Second); return nil })
		seen := new(sightings)
		w.Ended = seen.ended
		if last, err := w.Run(t.Context(), 0); last != 1 || err != nil {
			t.Error(last, err)
		}
		for i, want := range []time.Duration{1, 2, 4, 1, 2} {
			got := seen.endingsAfter(0)[i].Pause
			if most := want * time.Second; got > most || got < most/2 {
				t.Errorf("pause %d is %v, want up to %v", i+1, got, most)
			}
		}
	})
}
