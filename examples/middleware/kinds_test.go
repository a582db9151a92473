package middleware_test

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// kinds are the four kinds of call, each made with one message.
var kinds = []struct {
	name   string
	method string
	call   call
}{
	{"unary", testpb.TestService_UnaryCall_FullMethodName, callUnary},
	{"server stream", testpb.TestService_StreamingOutputCall_FullMethodName, callServerStream},
	{"client stream", testpb.TestService_StreamingInputCall_FullMethodName, callClientStream},
	{"bidi stream", testpb.TestService_FullDuplexCall_FullMethodName, callBidi},
}

// methods are the methods of all kinds.
func methods() []string {
	var methods []string
	for _, kind := range kinds {
		methods = append(methods, kind.method)
	}
	return methods
}

// call makes a call of one kind and waits for its end.
type call func(ctx context.Context, client testpb.TestServiceClient, message string, opts ...grpc.CallOption) error

func callUnary(ctx context.Context, client testpb.TestServiceClient, message string, opts ...grpc.CallOption) error {
	_, err := client.UnaryCall(ctx, &testpb.SimpleRequest{Payload: payload(message)}, opts...)
	return err
}

func callServerStream(ctx context.Context, client testpb.TestServiceClient, message string, opts ...grpc.CallOption) error {
	stream, err := client.StreamingOutputCall(ctx, &testpb.StreamingOutputCallRequest{Payload: payload(message)}, opts...)
	if err != nil {
		return err
	}
	return drain(stream)
}

func callClientStream(ctx context.Context, client testpb.TestServiceClient, message string, opts ...grpc.CallOption) error {
	stream, err := client.StreamingInputCall(ctx, opts...)
	if err != nil {
		return err
	}
	_ = stream.Send(&testpb.StreamingInputCallRequest{Payload: payload(message)}) // CloseAndRecv says what went wrong
	_, err = stream.CloseAndRecv()
	return err
}

func callBidi(ctx context.Context, client testpb.TestServiceClient, message string, opts ...grpc.CallOption) error {
	stream, err := client.FullDuplexCall(ctx, opts...)
	if err != nil {
		return err
	}
	_ = stream.Send(&testpb.StreamingOutputCallRequest{Payload: payload(message)}) // Recv says what went wrong
	_ = stream.CloseSend()
	return drain(stream)
}

// drain reads a stream to its end.
func drain(stream interface {
	Recv() (*testpb.StreamingOutputCallResponse, error)
}) error {
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func payload(message string) *testpb.Payload { return &testpb.Payload{Body: []byte(message)} }
