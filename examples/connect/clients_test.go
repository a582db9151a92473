package connectrelay_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/anypb"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
)

// callFunc makes a call whose header has exactly these values, none if there are
// none. It returns what the caller is told: the error, and what came with it.
type callFunc func(ctx context.Context, values []string) (challenge string, err error)

// grpcCalls has the four kinds of call by a gRPC client.
func grpcCalls(client echov1.EchoServiceClient) map[string]callFunc {
	calls := make(map[string]callFunc)
	for name, call := range map[string]func(ctx context.Context, client echov1.EchoServiceClient, opts ...grpc.CallOption) error{
		"unary": grpcUnary, "server stream": grpcServerStream, "client stream": grpcClientStream, "bidi stream": grpcBidi,
	} {
		calls[name] = func(ctx context.Context, values []string) (string, error) {
			if len(values) > 0 {
				ctx = grpcmd.NewOutgoingContext(ctx, grpcmd.MD{"authorization": values})
			}
			var header, trailer grpcmd.MD // that of an answer with nothing else counts as trailer
			err := call(ctx, client, grpc.Header(&header), grpc.Trailer(&trailer))
			return strings.Join(append(header.Get("www-authenticate"), trailer.Get("www-authenticate")...), "|"), err
		}
	}
	return calls
}

func grpcUnary(ctx context.Context, client echov1.EchoServiceClient, opts ...grpc.CallOption) error {
	_, err := client.Echo(ctx, &echov1.EchoRequest{}, opts...)
	return err
}

func grpcServerStream(ctx context.Context, client echov1.EchoServiceClient, opts ...grpc.CallOption) error {
	stream, err := client.Expand(ctx, &echov1.EchoRequest{}, opts...)
	if err != nil {
		return err
	}
	return drain(stream.Recv)
}

func grpcClientStream(ctx context.Context, client echov1.EchoServiceClient, opts ...grpc.CallOption) error {
	stream, err := client.Collect(ctx, opts...)
	if err != nil {
		return err
	}
	_ = stream.Send(&echov1.EchoRequest{}) // what is wrong, the answer says
	_, err = stream.CloseAndRecv()
	return err
}

func grpcBidi(ctx context.Context, client echov1.EchoServiceClient, opts ...grpc.CallOption) error {
	stream, err := client.Chat(ctx, opts...)
	if err != nil {
		return err
	}
	_ = stream.Send(&echov1.EchoRequest{})
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return drain(stream.Recv)
}

// drain receives to the end.
func drain(receive func() (*echov1.EchoResponse, error)) error {
	for {
		if _, err := receive(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// connectClient is a client for each of the four methods, as generated code would
// have it.
type connectClient struct {
	echo, expand, collect, chat *connect.Client[echov1.EchoRequest, echov1.EchoResponse]
}

func newConnectClient(client *http.Client, url string, options ...connect.ClientOption) connectClient {
	method := func(name string, more ...connect.ClientOption) *connect.Client[echov1.EchoRequest, echov1.EchoResponse] {
		return connect.NewClient[echov1.EchoRequest, echov1.EchoResponse](client, url+name, append(more, options...)...)
	}
	return connectClient{
		echo:    method(echoMethod, connect.WithIdempotency(connect.IdempotencyNoSideEffects)),
		expand:  method(expandMethod),
		collect: method(collectMethod),
		chat:    method(chatMethod),
	}
}

// calls has the four kinds of call.
func (c connectClient) calls() map[string]callFunc {
	return map[string]callFunc{
		"unary": challenged(c.unary), "server stream": challenged(c.serverStream),
		"client stream": challenged(c.clientStream), "bidi stream": challenged(c.bidi),
	}
}

// challenged returns a call that tells the challenge as well.
func challenged(call func(ctx context.Context, values []string) error) callFunc {
	return func(ctx context.Context, values []string) (string, error) {
		err := call(ctx, values)
		var e *connect.Error
		if errors.As(err, &e) {
			return strings.Join(e.Meta().Values("Www-Authenticate"), "|"), err
		}
		return "", err
	}
}

// with sets the values of the header.
func with(header http.Header, values []string) {
	if len(values) > 0 {
		header["Authorization"] = values
	}
}

func (c connectClient) unary(ctx context.Context, values []string) error {
	request := connect.NewRequest(&echov1.EchoRequest{})
	with(request.Header(), values)
	_, err := c.echo.CallUnary(ctx, request)
	return err
}

// get is unary by GET, which Connect has for methods without side effects.
func (c connectClient) get(ctx context.Context, values []string) error {
	request := connect.NewRequest(&echov1.EchoRequest{})
	with(request.Header(), values)
	response, err := c.echo.CallUnary(ctx, request)
	if err == nil && response.Msg.GetMessage() != http.MethodGet {
		return errors.New("that was a " + response.Msg.GetMessage())
	}
	return err
}

func (c connectClient) serverStream(ctx context.Context, values []string) error {
	request := connect.NewRequest(&echov1.EchoRequest{})
	with(request.Header(), values)
	stream, err := c.expand.CallServerStream(ctx, request)
	if err != nil {
		return err
	}
	for stream.Receive() {
	}
	return errors.Join(stream.Err(), stream.Close())
}

func (c connectClient) clientStream(ctx context.Context, values []string) error {
	stream := c.collect.CallClientStream(ctx)
	with(stream.RequestHeader(), values)
	_ = stream.Send(&echov1.EchoRequest{}) // what is wrong, the answer says
	_, err := stream.CloseAndReceive()
	return err
}

func (c connectClient) bidi(ctx context.Context, values []string) error {
	stream := c.chat.CallBidiStream(ctx)
	with(stream.RequestHeader(), values)
	_ = stream.Send(&echov1.EchoRequest{})
	_ = stream.CloseRequest()
	return errors.Join(drain(stream.Receive), stream.CloseResponse())
}

// plainPost calls by HTTP alone, as a browser's fetch would.
func plainPost(client *http.Client, url string) callFunc {
	return func(ctx context.Context, values []string) (string, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+echoMethod, strings.NewReader("{}"))
		if err != nil {
			return "", err
		}
		request.Header.Set("Content-Type", "application/json")
		with(request.Header, values)
		response, err := client.Do(request)
		if err != nil {
			return "", err
		}
		defer func() { _ = response.Body.Close() }()
		return response.Header.Get("Www-Authenticate"), errorIn(response)
	}
}

// errorIn returns the error that is an answer's body, nil if there is none.
func errorIn(response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	var body struct {
		Code    connect.Code
		Message string
		Details []struct{ Type, Value string }
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return err
	}
	e := connect.NewError(body.Code, errors.New(body.Message))
	for _, detail := range body.Details {
		value, err := base64.RawStdEncoding.DecodeString(detail.Value)
		if err != nil {
			return err
		}
		packed, err := connect.NewErrorDetail(&anypb.Any{TypeUrl: "type.googleapis.com/" + detail.Type, Value: value})
		if err != nil {
			return err
		}
		e.AddDetail(packed)
	}
	return e
}
