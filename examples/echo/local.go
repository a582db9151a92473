package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
)

// What a request may ask for at most; more is InvalidArgument. A caller could
// keep us busy for days otherwise.
const (
	maxRepeat   = 10_000
	maxInterval = time.Minute
)

// maxCollected bounds what Collect keeps of one call, in bytes. It leaves room
// in the 4 MiB that gRPC clients receive by default.
const maxCollected = 3 << 20

// local answers by itself: it is the last hop.
type local struct {
	echov1.UnimplementedEchoServiceServer
	hop hop
}

func (l *local) Echo(ctx context.Context, request *echov1.EchoRequest) (*echov1.EchoResponse, error) {
	if err := validate(request); err != nil {
		return nil, err
	}
	return l.hop.answer(ctx, request.GetMessage(), nil)
}

func (l *local) Expand(request *echov1.EchoRequest, stream grpc.ServerStreamingServer[echov1.EchoResponse]) error {
	if err := validate(request); err != nil {
		return err
	}
	response, err := l.hop.answer(stream.Context(), request.GetMessage(), nil)
	if err != nil {
		return err
	}
	for i := range max(1, request.GetRepeat()) {
		if i > 0 {
			if err := wait(stream.Context(), request.GetInterval().AsDuration()); err != nil {
				return err
			}
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
	return nil
}

func (l *local) Collect(stream grpc.ClientStreamingServer[echov1.EchoRequest, echov1.EchoResponse]) error {
	var messages []string
	size := 0
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := validate(request); err != nil {
			return err
		}
		size += len(request.GetMessage()) + 1 // and the space
		if size > maxCollected {
			return status.Errorf(codes.ResourceExhausted, "more than %d bytes to collect", maxCollected)
		}
		messages = append(messages, request.GetMessage())
	}
	response, err := l.hop.answer(stream.Context(), strings.Join(messages, " "), nil)
	if err != nil {
		return err
	}
	return stream.SendAndClose(response)
}

func (l *local) Chat(stream grpc.BidiStreamingServer[echov1.EchoRequest, echov1.EchoResponse]) error {
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := validate(request); err != nil {
			return err
		}
		response, err := l.hop.answer(stream.Context(), request.GetMessage(), nil)
		if err != nil {
			return err
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

// validate refuses what no honest caller asks for.
func validate(request *echov1.EchoRequest) error {
	if request.GetRepeat() > maxRepeat {
		return status.Errorf(codes.InvalidArgument, "repeat: %d is more than %d", request.GetRepeat(), maxRepeat)
	}
	if request.GetInterval() == nil {
		return nil
	}
	if err := request.GetInterval().CheckValid(); err != nil {
		return status.Errorf(codes.InvalidArgument, "interval: %v", err)
	}
	if d := request.GetInterval().AsDuration(); d < 0 || d > maxInterval {
		return status.Errorf(codes.InvalidArgument, "interval: %v is not between 0 and %v", d, maxInterval)
	}
	return nil
}

// wait returns after d, or with the status of ctx when that ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}
