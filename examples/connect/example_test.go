package connectrelay_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"connectrpc.com/connect"

	connectrelay "github.com/jwtrelay/jwtrelay/examples/connect"
	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// Two services that speak Connect: a gateway, and echo behind it. Each verifies
// the token itself, and Audit knows the methods from the proto.
func Example() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	defer issuer.Close()

	echo := exampleServe(issuer, "echo", func(ctx context.Context, _ *connect.Request[echov1.EchoRequest]) (*connect.Response[echov1.EchoResponse], error) {
		caller, _ := token.FromContext(ctx)
		return connect.NewResponse(&echov1.EchoResponse{Subject: caller.Subject()}), nil
	})
	defer echo.Close()

	relay, err := connectrelay.New(connectrelay.Config{BaseURL: echo.URL, Name: "gateway"})
	if err != nil {
		fmt.Println(err)
		return
	}
	next := connect.NewClient[echov1.EchoRequest, echov1.EchoResponse](connectrelay.WithoutRedirects(echo.Client()),
		echo.URL+echoMethod, connect.WithInterceptors(relay)) // last
	gateway := exampleServe(issuer, "gateway", func(ctx context.Context, request *connect.Request[echov1.EchoRequest]) (*connect.Response[echov1.EchoResponse], error) {
		response, err := next.CallUnary(ctx, connect.NewRequest(request.Msg))
		return response, connectrelay.AsUpstream(err)
	})
	defer gateway.Close()

	user := connect.NewClient[echov1.EchoRequest, echov1.EchoResponse](gateway.Client(),
		gateway.URL+echoMethod, connect.WithGRPC()) // or any other protocol
	request := connect.NewRequest(&echov1.EchoRequest{})
	_, err = user.CallUnary(context.Background(), request)
	refusal, _ := connectrelay.RefusalFrom(err)
	fmt.Println(refusal.Hop, "says", refusal.Code, refusal.Reason)

	request.Header().Set("Authorization", "Bearer "+issuer.Token())
	response, err := user.CallUnary(context.Background(), request)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("echo answers", response.Msg.GetSubject())
	// Output:
	// gateway says Unauthenticated TOKEN_MISSING
	// echo answers alice
}

// echoFunc is the handler of the method Echo.
type echoFunc func(context.Context, *connect.Request[echov1.EchoRequest]) (*connect.Response[echov1.EchoResponse], error)

// exampleServe serves the method Echo behind the rules of its proto.
func exampleServe(issuer *jwttest.Issuer, name string, echo echoFunc) *httptest.Server {
	verifier, err := token.NewVerifier([]token.Issuer{{
		URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys(),
	}})
	if err != nil {
		panic(err)
	}
	server, err := interceptor.NewServer(verifier, interceptor.FromProto(), interceptor.Name(name))
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle(echoMethod, connect.NewUnaryHandler(echoMethod, echo)) // generated code does this
	handler, err := server.HTTPHandler(mux)
	if err != nil {
		panic(err)
	}
	services, err := interceptor.Services(echov1.EchoService_ServiceDesc.ServiceName)
	if err != nil {
		panic(err)
	}
	if err := server.Audit(services); err != nil {
		panic(err)
	}
	web := httptest.NewUnstartedServer(handler)
	web.EnableHTTP2 = true
	web.StartTLS()
	return web
}
