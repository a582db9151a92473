package interceptor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
)

// A stranger learns why a call was refused, and not by which service. The log
// still says it.
func ExampleHideHops() {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated(),
		interceptor.Name("edge"), interceptor.HideHops(), interceptor.WithObserver(printer{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	refusal := callOnce(server, "/acme.Orders/List")
	fmt.Printf("the caller sees %s by %q\n", refusal.Reason, refusal.Hop)
	// Output:
	// edge refuses /acme.Orders/List: TOKEN_MISSING
	// the caller sees TOKEN_MISSING by ""
}

// Services behind the edge tell each other in x-user-id who the user is. From
// outside it must not come.
func ExampleStripHeaders() {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated(), interceptor.StripHeaders("x-user-id"))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := grpcmd.NewIncomingContext(context.Background(), grpcmd.Pairs(
		"authorization", "Bearer "+issuer.Token(), "x-user-id", "root", "x-request-id", "7"))
	handler := func(ctx context.Context, _ any) (any, error) {
		headers, _ := grpcmd.FromIncomingContext(ctx)
		fmt.Println("x-user-id:", headers.Get("x-user-id"))
		fmt.Println("x-request-id:", headers.Get("x-request-id"))
		return nil, nil
	}
	_, err = server.UnaryInterceptor(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/acme.Orders/List"}, handler)
	fmt.Println(err)
	// Output:
	// x-user-id: []
	// x-request-id: [7]
	// <nil>
}

// A service that runs adopts the library: everybody is let in, and who would be
// refused is reported. Audit says so at each start.
func ExampleShadow() {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated(),
		interceptor.Name("orders"), interceptor.Shadow(printer{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := grpc.NewServer(server.Options()...)
	testpb.RegisterTestServiceServer(orders, greeter{})
	switch err := server.Audit(orders); {
	case errors.Is(err, interceptor.ErrShadow):
		fmt.Println(err) // and go on
	case err != nil:
		fmt.Println(err)
		return
	}
	client, stop := exampleServe(orders)
	defer stop()

	reply, err := client.UnaryCall(context.Background(), &testpb.SimpleRequest{})
	fmt.Println(reply.GetUsername(), err)
	// Output:
	// interceptor: shadow mode is on: nobody is refused
	// orders would refuse /grpc.testing.TestService/UnaryCall: TOKEN_MISSING
	// anonymous <nil>
}

// In a mesh the sidecar ends TLS. It tells who calls in a header, which it takes
// away from everybody else.
func ExampleWithPeerNames() {
	fromSidecar := func(ctx context.Context) []string {
		return grpcmd.ValueFromIncomingContext(ctx, "x-client-spiffe-id")
	}
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier,
		interceptor.Authenticated().With(interceptor.Peers("spiffe://acme/orders")),
		interceptor.WithPeerNames(fromSidecar))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, peer := range []string{"spiffe://acme/orders", "spiffe://acme/billing"} {
		refusal := callOnce(server, "/acme.Inventory/Reserve",
			"authorization", "Bearer "+issuer.Token(), "x-client-spiffe-id", peer)
		fmt.Printf("%s: %q\n", peer, refusal.Reason)
	}
	// Output:
	// spiffe://acme/orders: ""
	// spiffe://acme/billing: "PEER_NOT_ALLOWED"
}

// The interceptors are those of go-grpc-middleware: authUnary stands in for
// auth.UnaryServerInterceptor, authStream for auth.StreamServerInterceptor.
func ExampleServer_AuthFunc() {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated())
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := grpc.NewServer(
		grpc.UnaryInterceptor(authUnary(server.AuthFunc())),
		grpc.StreamInterceptor(authStream(server.AuthFunc())),
		grpc.MaxHeaderListSize(server.MaxHeaderListSize()),
	)
	testpb.RegisterTestServiceServer(orders, greeter{})
	client, stop := exampleServe(orders)
	defer stop()

	_, err = client.UnaryCall(context.Background(), &testpb.SimpleRequest{})
	fmt.Println(err)

	ctx := grpcmd.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+issuer.Token())
	reply, err := client.UnaryCall(ctx, &testpb.SimpleRequest{})
	fmt.Println(reply.GetUsername(), err)
	// Output:
	// rpc error: code = Unauthenticated desc = no token was sent
	// alice <nil>
}

// A front end sends the user to the login page only where that helps.
func ExampleRefusal_NeedsLogin() {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	for _, raw := range []string{
		issuer.Token(jwttest.Expired(time.Hour)),
		issuer.Token(jwttest.Audience("payroll")),
	} {
		_, err := verifier.Verify(context.Background(), raw) // or a call that a service refused
		if refusal, ok := interceptor.RefusalFrom(err); ok {
			fmt.Println(refusal.Reason, refusal.NeedsLogin())
		}
	}
	// Output:
	// TOKEN_EXPIRED true
	// AUDIENCE_MISMATCH false
}

// Beside its methods the server has pages of plain HTTP, for whoever has a token.
func ExampleAuthenticatedPaths() {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated("/acme.Orders/List"))
	if err != nil {
		fmt.Println(err)
		return
	}
	handler, err := server.HTTPHandler(answering(http.StatusOK), interceptor.AuthenticatedPaths("/reports/"))
	if err != nil {
		fmt.Println(err)
		return
	}
	token := http.Header{"Authorization": {"Bearer " + issuer.Token()}}
	ask(handler, http.MethodGet, "/reports/2026", token)
	ask(handler, http.MethodGet, "/reports/2026", nil)
	ask(handler, http.MethodGet, "/admin", token)
	// Output:
	// GET /reports/2026 -> 200
	// GET /reports/2026 -> 401
	// GET /admin -> 403
}

// A browser asks first whether another origin's page may call, and sends no
// token with that. Here the handler behind the rules answers; it answers every
// OPTIONS by itself, as Connect's do.
func ExampleUncheckedPreflights() {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated())
	if err != nil {
		fmt.Println(err)
		return
	}
	handler, err := server.HTTPHandler(answering(http.StatusNoContent), interceptor.UncheckedPreflights())
	if err != nil {
		fmt.Println(err)
		return
	}
	preflight := http.Header{"Origin": {"https://shop.example"}, "Access-Control-Request-Method": {"POST"}}
	ask(handler, http.MethodOptions, "/acme.Orders/List", preflight)
	ask(handler, http.MethodPost, "/acme.Orders/List", preflight)
	// Output:
	// OPTIONS /acme.Orders/List -> 204
	// POST /acme.Orders/List -> 401
}

// printer is an observer that prints what was, or would be, refused.
type printer struct{}

func (printer) Decided(_ context.Context, d interceptor.Decision) {
	if d.Shadow {
		fmt.Printf("%s would refuse %s: %s\n", d.Hop, d.Method, d.Reason)
	} else if d.Err != nil {
		fmt.Printf("%s refuses %s: %s\n", d.Hop, d.Method, d.Reason)
	}
}

func (printer) Relayed(context.Context, interceptor.Relayed) {}

// callOnce calls a method with headers, in pairs of a key and a value, and
// returns its refusal, zero if it was let in.
func callOnce(server *interceptor.Server, method string, headers ...string) interceptor.Refusal {
	ctx := grpcmd.NewIncomingContext(context.Background(), grpcmd.Pairs(headers...))
	handler := func(context.Context, any) (any, error) { return nil, nil }
	_, err := server.UnaryInterceptor(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, handler)
	refusal, _ := interceptor.RefusalFrom(err)
	return refusal
}

// answering returns a handler that answers with a status.
func answering(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// ask makes a request and prints the status of the answer.
func ask(handler http.Handler, method, path string, header http.Header) {
	request := httptest.NewRequestWithContext(context.Background(), method, path, nil)
	request.Header = header
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	fmt.Println(method, path, "->", answer.Code)
}

func authUnary(decide func(context.Context) (context.Context, error)) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		ctx, err := decide(ctx)
		if err != nil {
			return nil, err
		}
		return next(ctx, req)
	}
}

func authStream(decide func(context.Context) (context.Context, error)) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		ctx, err := decide(stream.Context())
		if err != nil {
			return err
		}
		return next(srv, inContext{stream, ctx})
	}
}

// The operator's log says why a call was refused, which its caller isn't told.
func ExampleLogRefusals() {
	withoutTime := func(_ []string, attr slog.Attr) slog.Attr {
		if attr.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return attr
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated(),
		interceptor.Name("orders"), interceptor.WithObserver(interceptor.LogRefusals(logger)))
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := grpc.NewServer(server.Options()...)
	testpb.RegisterTestServiceServer(orders, greeter{})
	client, stop := exampleServe(orders)
	defer stop()

	_, err = client.UnaryCall(context.Background(), &testpb.SimpleRequest{})
	fmt.Println(status.Convert(err).Message())
	// Output:
	// level=WARN msg="call refused" token="" refusal.reason=TOKEN_MISSING refusal.method=/grpc.testing.TestService/UnaryCall refusal.hop=orders refusal.cause="metadata: no bearer token"
	// no token was sent
}
