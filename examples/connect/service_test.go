package connectrelay_test

import (
	"context"
	"errors"
	"io"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	grpcmd "google.golang.org/grpc/metadata"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
)

// The methods, as paths.
const (
	echoMethod    = echov1.EchoService_Echo_FullMethodName
	expandMethod  = echov1.EchoService_Expand_FullMethodName
	collectMethod = echov1.EchoService_Collect_FullMethodName
	chatMethod    = echov1.EchoService_Chat_FullMethodName
)

// grpcEcho serves echo by gRPC and notes each call. then is what it does after
// that; it may be nil.
type grpcEcho struct {
	echov1.UnimplementedEchoServiceServer
	journal *journal
	then    func(ctx context.Context) error
}

func (e grpcEcho) arrive(ctx context.Context) error {
	e.journal.arrive(ctx, grpcmd.ValueFromIncomingContext(ctx, "authorization"))
	if e.then == nil {
		return nil
	}
	return e.then(ctx)
}

func (e grpcEcho) Echo(ctx context.Context, _ *echov1.EchoRequest) (*echov1.EchoResponse, error) {
	return &echov1.EchoResponse{}, e.arrive(ctx)
}

func (e grpcEcho) Expand(_ *echov1.EchoRequest, stream grpc.ServerStreamingServer[echov1.EchoResponse]) error {
	if err := e.arrive(stream.Context()); err != nil {
		return err
	}
	return stream.Send(&echov1.EchoResponse{})
}

func (e grpcEcho) Collect(stream grpc.ClientStreamingServer[echov1.EchoRequest, echov1.EchoResponse]) error {
	if err := e.arrive(stream.Context()); err != nil {
		return err
	}
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return stream.SendAndClose(&echov1.EchoResponse{})
		} else if err != nil {
			return err
		}
	}
}

func (e grpcEcho) Chat(stream grpc.BidiStreamingServer[echov1.EchoRequest, echov1.EchoResponse]) error {
	if err := e.arrive(stream.Context()); err != nil {
		return err
	}
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.Send(&echov1.EchoResponse{}); err != nil {
			return err
		}
	}
}

// connectEcho is grpcEcho for Connect.
type connectEcho struct {
	journal *journal
	then    func(ctx context.Context) error
}

// handler returns what generated code would.
func (e connectEcho) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(echoMethod, connect.NewUnaryHandler(echoMethod, e.echo, connect.WithIdempotency(connect.IdempotencyNoSideEffects)))
	mux.Handle(expandMethod, connect.NewServerStreamHandler(expandMethod, e.expand))
	mux.Handle(collectMethod, connect.NewClientStreamHandler(collectMethod, e.collect))
	mux.Handle(chatMethod, connect.NewBidiStreamHandler(chatMethod, e.chat))
	return mux
}

func (e connectEcho) arrive(ctx context.Context, header http.Header) error {
	e.journal.arrive(ctx, header.Values("Authorization"))
	if e.then == nil {
		return nil
	}
	return e.then(ctx)
}

// echo answers with the HTTP method of the request.
func (e connectEcho) echo(ctx context.Context, request *connect.Request[echov1.EchoRequest]) (*connect.Response[echov1.EchoResponse], error) {
	response := connect.NewResponse(&echov1.EchoResponse{Message: request.HTTPMethod()})
	return response, e.arrive(ctx, request.Header())
}

func (e connectEcho) expand(ctx context.Context, request *connect.Request[echov1.EchoRequest], stream *connect.ServerStream[echov1.EchoResponse]) error {
	if err := e.arrive(ctx, request.Header()); err != nil {
		return err
	}
	return stream.Send(&echov1.EchoResponse{})
}

func (e connectEcho) collect(ctx context.Context, stream *connect.ClientStream[echov1.EchoRequest]) (*connect.Response[echov1.EchoResponse], error) {
	if err := e.arrive(ctx, stream.RequestHeader()); err != nil {
		return nil, err
	}
	for stream.Receive() {
	}
	return connect.NewResponse(&echov1.EchoResponse{}), stream.Err()
}

func (e connectEcho) chat(ctx context.Context, stream *connect.BidiStream[echov1.EchoRequest, echov1.EchoResponse]) error {
	if err := e.arrive(ctx, stream.RequestHeader()); err != nil {
		return err
	}
	for {
		if _, err := stream.Receive(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.Send(&echov1.EchoResponse{}); err != nil {
			return err
		}
	}
}
