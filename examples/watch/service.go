package main

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	watchv1 "github.com/jwtrelay/jwtrelay/examples/gen/watch/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// service lets callers watch a journal. There is nothing in it about tokens that
// end: the interceptor ends the context, and the stream.
type service struct {
	watchv1.UnimplementedWatchServiceServer

	journal *journal
}

// Watch sends changes until its context ends.
func (s *service) Watch(request *watchv1.WatchRequest, stream grpc.ServerStreamingServer[watchv1.WatchResponse]) error {
	caller, ok := token.FromContext(stream.Context())
	if !ok {
		return status.Error(codes.Unauthenticated, "who are you?")
	}
	w := &watch{stream, caller.Fingerprint(), request.GetAfter()}
	changes, grown, err := s.journal.since(w.position)
	if err != nil {
		return err
	}
	// That it is open, the caller learns now, and not by the first change.
	if err := stream.SendHeader(grpcmd.MD{}); err != nil {
		return err
	}
	for {
		if err := w.send(changes); err != nil {
			return err
		}
		if len(changes) == 0 && !await(stream.Context(), grown) {
			return status.FromContextError(stream.Context().Err()).Err()
		}
		if changes, grown, err = s.journal.since(w.position); err != nil {
			return err // it fell behind
		}
	}
}

// watch is one stream.
type watch struct {
	stream      grpc.ServerStreamingServer[watchv1.WatchResponse]
	fingerprint string // of its token
	position    uint64 // of the last change that was sent
}

// send sends the changes after the position.
func (w *watch) send(changes []string) error {
	for _, change := range changes {
		next := &watchv1.WatchResponse{Sequence: w.position + 1, Change: change, Fingerprint: w.fingerprint}
		if err := w.stream.Send(next); err != nil {
			return err
		}
		w.position++
	}
	return nil
}

// await waits for a channel to be closed. It is false if ctx ended before.
func await(ctx context.Context, closed <-chan struct{}) bool {
	select {
	case <-closed:
		return true
	case <-ctx.Done():
		return false
	}
}

// newServer returns a server of the service that lets in whom the verifier lets.
// options come before ours.
func newServer(verifier *token.Verifier, journal *journal, observer interceptor.Observer, options ...grpc.ServerOption) (*grpc.Server, error) {
	guard, err := interceptor.NewServer(verifier, interceptor.FromProto(),
		interceptor.Name("changes"), interceptor.WithObserver(observer))
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer(append(options[:len(options):len(options)], guard.Options()...)...)
	watchv1.RegisterWatchServiceServer(server, &service{journal: journal})
	return server, guard.Audit(server)
}
