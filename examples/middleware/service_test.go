package middleware_test

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/jwtrelay/jwtrelay/metadata"
	"github.com/jwtrelay/jwtrelay/token"
)

// service answers with the caller's name, having made the same call to the next
// service if there is one. Sent the message "panic", it does.
type service struct {
	testpb.UnimplementedTestServiceServer
	next testpb.TestServiceClient

	mu       sync.Mutex
	arrivals []arrival
}

// arrival is what a handler saw of a call. Tokens are told by fingerprints.
type arrival struct {
	sent     string // in the header, "" if there is none
	verified string // in the context, "" if there is none
	decided  bool
}

func (s *service) UnaryCall(ctx context.Context, req *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	caller, err := s.handle(ctx, req.GetPayload(), callUnary)
	return &testpb.SimpleResponse{Username: caller}, err
}

func (s *service) StreamingOutputCall(req *testpb.StreamingOutputCallRequest, stream grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error {
	caller, err := s.handle(stream.Context(), req.GetPayload(), callServerStream)
	if err != nil {
		return err
	}
	return stream.Send(&testpb.StreamingOutputCallResponse{Payload: payload(caller)})
}

func (s *service) StreamingInputCall(stream grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse]) error {
	req, err := stream.Recv()
	if err != nil {
		return err
	}
	if _, err := s.handle(stream.Context(), req.GetPayload(), callClientStream); err != nil {
		return err
	}
	return stream.SendAndClose(&testpb.StreamingInputCallResponse{})
}

func (s *service) FullDuplexCall(stream grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]) error {
	req, err := stream.Recv()
	if err != nil {
		return err
	}
	caller, err := s.handle(stream.Context(), req.GetPayload(), callBidi)
	if err != nil {
		return err
	}
	return stream.Send(&testpb.StreamingOutputCallResponse{Payload: payload(caller)})
}

// handle serves a call of any kind.
func (s *service) handle(ctx context.Context, message *testpb.Payload, call call) (caller string, err error) {
	s.arrive(ctx)
	if string(message.GetBody()) == "panic" {
		panic("as asked")
	}
	if verified, ok := token.FromContext(ctx); ok {
		caller = verified.Subject()
	}
	if s.next == nil {
		return caller, nil
	}
	return caller, call(ctx, s.next, string(message.GetBody()))
}

func (s *service) arrive(ctx context.Context) {
	var a arrival
	if raw, err := metadata.FromIncoming(ctx); err == nil {
		a.sent = token.Fingerprint(raw)
	}
	caller, decided := token.Decided(ctx)
	if a.decided = decided; caller != nil {
		a.verified = caller.Fingerprint()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrivals = append(s.arrivals, a)
}

// seen returns what has arrived so far.
func (s *service) seen() []arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]arrival(nil), s.arrivals...)
}
