//go:build soak

package redisfeed_test

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// place is where a stream is open, or a next one will be.
type place struct {
	number int
	ticket atomic.Pointer[ticket] // of the stream that is open; nil if none is
}

// receiver is the half of a stream that is read.
type receiver interface {
	grpc.ClientStream
	Recv() (*testpb.StreamingOutputCallResponse, error)
}

// streamKinds is how many kinds of streams there are.
const streamKinds = 3

// openStream opens a stream of a kind: whose handler waits, is blocked
// in Recv, or sends.
func openStream(ctx context.Context, client testpb.TestServiceClient, kind int) (receiver, error) {
	switch kind {
	case 0:
		return client.StreamingOutputCall(ctx, &testpb.StreamingOutputCallRequest{})
	case 1:
		return client.FullDuplexCall(ctx)
	default:
		return client.HalfDuplexCall(ctx)
	}
}

// streamOn keeps a stream open in a place, with one token after the other.
func (s *soak) streamOn(ctx context.Context, in *place) error {
	p, random := s.processes[in.number%processes], s.random(uint64(100+in.number)) //nolint:gosec // positive
	for ctx.Err() == nil {
		t := s.crowd.draw(random)
		err := s.stream(ctx, p, in, t)
		in.ticket.Store(nil)
		if ctx.Err() == nil && !s.refused(p, t, t.revoked.Load(), "stream", err) {
			time.Sleep(retryPause)
		}
	}
	return nil
}

// streamLate opens a stream with a token that is being revoked: if it is opened, it
// ends.
func (s *soak) streamLate(ctx context.Context, p *soakProcess, t *ticket) {
	number := s.lateOpens.Add(1)
	err := s.stream(ctx, p, &place{number: p.number + processes*int(number%streamKinds)}, t)
	if ctx.Err() == nil {
		s.refused(p, t, t.revoked.Load(), "stream", err)
	}
}

// stream opens a stream and reads it to its end. It returns what it ended with.
func (s *soak) stream(ctx context.Context, p *soakProcess, in *place, t *ticket) error {
	stream, err := openStream(bearer(ctx, t), p.client, in.number/processes%streamKinds)
	if err != nil {
		return err
	}
	header, err := stream.Header()
	if err != nil {
		return err
	}
	if header == nil { // it was refused at the door
		_, err := stream.Recv()
		return err
	}
	in.ticket.Store(t)
	s.opened.Add(1)
	s.open.Add(1)
	defer s.open.Add(-1)
	for {
		if _, err = stream.Recv(); err != nil {
			break
		}
	}
	if r := t.revoked.Load(); r != nil && ctx.Err() == nil {
		r.at[p.number].streams.Add(1)
		raise(&r.at[p.number].ended, now())
	}
	return err
}
