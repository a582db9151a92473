package connectrelay_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc/codes"

	connectrelay "github.com/jwtrelay/jwtrelay/examples/connect"
	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// almostOver returns a server for which the token has a moment left whenever it asks.
func (w world) almostOver(t *testing.T, raw string) *interceptor.Server {
	t.Helper()
	verified, err := w.verifier.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := token.NewVerifier([]token.Issuer{{URL: w.issuer.URL(), Audiences: w.issuer.Audience(), Keys: w.issuer.Keys()}},
		token.WithClock(func() time.Time { return verified.ValidUntil().Add(-50 * time.Millisecond) }))
	if err != nil {
		t.Fatal(err)
	}
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated(), interceptor.Name("front"))
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// endless serves all methods with handlers that don't end by themselves.
func endless(options ...connect.HandlerOption) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(echoMethod, connect.NewUnaryHandler(echoMethod, func(ctx context.Context, _ *connect.Request[echov1.EchoRequest]) (*connect.Response[echov1.EchoResponse], error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}, options...))
	mux.Handle(expandMethod, connect.NewServerStreamHandler(expandMethod, func(ctx context.Context, _ *connect.Request[echov1.EchoRequest], stream *connect.ServerStream[echov1.EchoResponse]) error {
		if err := stream.Send(&echov1.EchoResponse{}); err != nil {
			return err
		}
		<-ctx.Done()
		return nil // as if all were well
	}, options...))
	mux.Handle(chatMethod, connect.NewBidiStreamHandler(chatMethod, func(_ context.Context, stream *connect.BidiStream[echov1.EchoRequest, echov1.EchoResponse]) error {
		for {
			if _, err := stream.Receive(); err != nil { // the body that is being read ends too
				return err
			}
		}
	}, options...))
	return mux
}

// openChat is a bidi stream whose client says one thing and then waits.
func (c connectClient) openChat(ctx context.Context, values []string) error {
	stream := c.chat.CallBidiStream(ctx)
	with(stream.RequestHeader(), values)
	if err := stream.Send(&echov1.EchoRequest{}); err != nil {
		return err
	}
	_, err := stream.Receive()
	_ = stream.CloseResponse()
	return err
}

// TestCallsOfConnectEndWithTheirToken has each protocol, and handlers that wait, that
// say that all is well, and that are blocked reading.
func TestCallsOfConnectEndWithTheirToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := w.issuer.Token()
	url := w.serveWeb(t, behind(t, w.almostOver(t, raw), endless(connect.WithInterceptors(connectrelay.Ends{}))))
	for name, options := range map[string][]connect.ClientOption{
		"Connect": nil, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newConnectClient(w.httpClient(t, "", http2), url, options...)
			for kind, call := range map[string]func(ctx context.Context, values []string) error{
				"unary": client.unary, "server stream": client.serverStream, "bidi stream": client.openChat,
			} {
				wantRefused(t, kind, call(t.Context(), []string{"Bearer " + raw}), codes.Unauthenticated, token.ReasonExpired)
			}
		})
	}
}

// TestCallsMadeByACallThatEndsSayWhy has a relay in the context of a request that
// ends with its token, and a next service that has more time.
func TestCallsMadeByACallThatEndsSayWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := w.issuer.Token(jwttest.ExpiresIn(time.Hour))
	next := w.serveWeb(t, endless())
	for name, options := range map[string][]connect.ClientOption{
		"Connect": nil, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()},
	} {
		client := w.relayTo(t, next, connectrelay.Config{}, options...)
		for kind, call := range map[string]func(ctx context.Context, values []string) error{
			"unary": client.unary, "server stream": client.serverStream, "bidi stream": client.openChat,
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				told := make(chan error, 1)
				front := behind(t, w.almostOver(t, raw), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					told <- call(r.Context(), nil)
				}))
				_, _ = plainPost(w.httpClient(t, "", http2), w.serveWeb(t, front))(t.Context(), []string{"Bearer " + raw})
				wantRefused(t, kind, <-told, codes.Unauthenticated, token.ReasonExpired)
			})
		}
	}
}
