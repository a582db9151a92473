package main

import (
	"context"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
)

// kinds are the four kinds of call, each made with one request and giving the
// first answer.
var kinds = []struct {
	name string
	call func(context.Context, echov1.EchoServiceClient, *echov1.EchoRequest) (*echov1.EchoResponse, error)
}{
	{"Echo", echo},
	{"Expand", expand},
	{"Collect", collect},
	{"Chat", chat},
}

func echo(ctx context.Context, client echov1.EchoServiceClient, request *echov1.EchoRequest) (*echov1.EchoResponse, error) {
	return client.Echo(ctx, request)
}

func expand(ctx context.Context, client echov1.EchoServiceClient, request *echov1.EchoRequest) (*echov1.EchoResponse, error) {
	stream, err := client.Expand(ctx, request)
	if err != nil {
		return nil, err
	}
	return stream.Recv()
}

func collect(ctx context.Context, client echov1.EchoServiceClient, request *echov1.EchoRequest) (*echov1.EchoResponse, error) {
	stream, err := client.Collect(ctx)
	if err != nil {
		return nil, err
	}
	_ = stream.Send(request) // CloseAndRecv says what went wrong
	return stream.CloseAndRecv()
}

func chat(ctx context.Context, client echov1.EchoServiceClient, request *echov1.EchoRequest) (*echov1.EchoResponse, error) {
	stream, err := client.Chat(ctx)
	if err != nil {
		return nil, err
	}
	_ = stream.Send(request) // Recv says what went wrong
	_ = stream.CloseSend()
	return stream.Recv()
}
