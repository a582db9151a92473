package main

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
)

// relay passes each call on to the same method of the upstream. It does
// nothing about tokens: the handler's context is all that the relaying client
// needs. Messages go on as they come, and the upstream's errors as they are.
type relay struct {
	echov1.UnimplementedEchoServiceServer
	hop      hop
	upstream echov1.EchoServiceClient
}

func (r *relay) Echo(ctx context.Context, request *echov1.EchoRequest) (*echov1.EchoResponse, error) {
	response, err := r.upstream.Echo(ctx, request)
	if err != nil {
		return nil, err
	}
	return r.answer(ctx, response)
}

func (r *relay) Expand(request *echov1.EchoRequest, stream grpc.ServerStreamingServer[echov1.EchoResponse]) error {
	upstream, err := r.upstream.Expand(stream.Context(), request)
	if err != nil {
		return err
	}
	return r.passAnswers(upstream, stream)
}

func (r *relay) Collect(stream grpc.ClientStreamingServer[echov1.EchoRequest, echov1.EchoResponse]) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	upstream, err := r.upstream.Collect(ctx)
	if err != nil {
		return err
	}
	go passRequests(stream, upstream, cancel)

	// Not CloseAndRecv: whether more is to come is for the caller to say.
	response := new(echov1.EchoResponse)
	if err := upstream.RecvMsg(response); err != nil {
		return err
	}
	if response, err = r.answer(ctx, response); err != nil {
		return err
	}
	return stream.SendAndClose(response)
}

func (r *relay) Chat(stream grpc.BidiStreamingServer[echov1.EchoRequest, echov1.EchoResponse]) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	upstream, err := r.upstream.Chat(ctx)
	if err != nil {
		return err
	}
	go passRequests(stream, upstream, cancel)
	return r.passAnswers(upstream, stream)
}

// answer is the upstream's answer as this hop passes it on.
func (r *relay) answer(ctx context.Context, response *echov1.EchoResponse) (*echov1.EchoResponse, error) {
	return r.hop.answer(ctx, response.GetMessage(), response.GetHops())
}

// passAnswers passes the upstream's answers on until there are no more.
func (r *relay) passAnswers(
	upstream grpc.ServerStreamingClient[echov1.EchoResponse],
	caller grpc.ServerStreamingServer[echov1.EchoResponse],
) error {
	for {
		response, err := upstream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if response, err = r.answer(caller.Context(), response); err != nil {
			return err
		}
		if err := caller.Send(response); err != nil {
			return err
		}
	}
}

// passRequests passes the caller's requests on until there are no more. It runs
// beside the handler, which waits for the upstream: a refusal from there must
// not wait for the caller's next message. It ends with the handler at the
// latest, because no more can be received then.
func passRequests(
	caller interface {
		Recv() (*echov1.EchoRequest, error)
	},
	upstream interface {
		Send(*echov1.EchoRequest) error
		CloseSend() error
	},
	cancel context.CancelFunc,
) {
	for {
		request, err := caller.Recv()
		if errors.Is(err, io.EOF) {
			_ = upstream.CloseSend() // the handler's next Recv says what went wrong
			return
		}
		if err != nil {
			cancel()
			return
		}
		if err := upstream.Send(request); err != nil {
			return // likewise
		}
	}
}
