package middleware_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/examples/middleware"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/metadata"
	"github.com/jwtrelay/jwtrelay/token"
)

// Unary calls: anyone may ask for the service's health, everything else needs a
// token, and what a panic says stays here.
func ExampleOptions() {
	issuer, conn, stop := serveOrders(slog.New(slog.DiscardHandler))
	defer stop()
	orders, anyone, alice := testpb.NewTestServiceClient(conn), context.Background(), callerWith(issuer.Token())

	checked, err := healthpb.NewHealthClient(conn).Check(anyone, &healthpb.HealthCheckRequest{})
	fmt.Println("health:", checked.GetStatus(), err)

	answer, err := orders.UnaryCall(alice, &testpb.SimpleRequest{})
	fmt.Println("with a token:", answer.GetUsername(), err)

	_, err = orders.UnaryCall(anyone, &testpb.SimpleRequest{})
	refusal, _ := interceptor.RefusalFrom(err)
	fmt.Println("without:", refusal.Code, refusal.Reason, "by", refusal.Hop)

	_, err = orders.UnaryCall(alice, &testpb.SimpleRequest{Payload: payload("panic")})
	fmt.Println("panic:", status.Code(err), status.Convert(err).Message())
	// Output:
	// health: SERVING <nil>
	// with a token: alice <nil>
	// without: Unauthenticated TOKEN_MISSING by orders
	// panic: Internal internal error
}

// Streams: the same.
func ExampleOptions_streams() {
	issuer, conn, stop := serveOrders(slog.New(slog.DiscardHandler))
	defer stop()
	orders, anyone, alice := testpb.NewTestServiceClient(conn), context.Background(), callerWith(issuer.Token())

	watch, err := healthpb.NewHealthClient(conn).Watch(anyone, &healthpb.HealthCheckRequest{})
	if err != nil {
		fmt.Println(err)
		return
	}
	watched, err := watch.Recv()
	fmt.Println("health:", watched.GetStatus(), err)

	stream, err := orders.StreamingOutputCall(alice, &testpb.StreamingOutputCallRequest{})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := stream.Recv()
	fmt.Println("with a token:", string(answer.GetPayload().GetBody()), err)

	refusal, _ := interceptor.RefusalFrom(callServerStream(anyone, orders, "hello"))
	fmt.Println("without:", refusal.Code, refusal.Reason, "by", refusal.Hop)

	err = callServerStream(alice, orders, "panic")
	fmt.Println("panic:", status.Code(err), status.Convert(err).Message())
	// Output:
	// health: SERVING <nil>
	// with a token: alice <nil>
	// without: Unauthenticated TOKEN_MISSING by orders
	// panic: Internal internal error
}

// The log says who called and how it ended. Health checks are not in it, and
// neither is any token.
func ExampleOptions_log() {
	issuer, conn, stop := serveOrders(repeatable(os.Stdout))
	defer stop()
	orders, anyone, alice := testpb.NewTestServiceClient(conn), context.Background(), callerWith(issuer.Token())

	_, _ = healthpb.NewHealthClient(conn).Check(anyone, &healthpb.HealthCheckRequest{})
	_ = callUnary(alice, orders, "hello")
	_ = callBidi(alice, orders, "hello")
	_ = callUnary(anyone, orders, "hello")
	_ = callBidi(alice, orders, "panic")
	// Output:
	// level=INFO msg="finished call" grpc.method=UnaryCall auth.subject=alice grpc.code=OK
	// level=INFO msg="finished call" grpc.method=FullDuplexCall auth.subject=alice grpc.code=OK
	// level=INFO msg="finished call" grpc.method=UnaryCall grpc.code=Unauthenticated auth.reason=TOKEN_MISSING auth.refused_by=orders
	// level=ERROR msg=panic auth.subject=alice grpc.method=FullDuplexCall reason="as asked"
	// level=ERROR msg="finished call" grpc.method=FullDuplexCall auth.subject=alice grpc.code=Internal
}

// serveOrders serves orders in memory, behind the options of this package.
func serveOrders(logger *slog.Logger) (issuer *jwttest.Issuer, conn *grpc.ClientConn, stop func()) {
	issuer = jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	verifier, err := token.NewVerifier([]token.Issuer{{
		URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys(),
	}})
	if err != nil {
		panic(err)
	}
	server, err := interceptor.NewServer(verifier, middleware.Policy(), interceptor.Name("orders"))
	if err != nil {
		panic(err)
	}
	grpcServer := grpc.NewServer(middleware.Options(server, logger)...)
	testpb.RegisterTestServiceServer(grpcServer, new(service))
	healthpb.RegisterHealthServer(grpcServer, health.NewServer())
	if err := server.Audit(grpcServer); err != nil {
		panic(err)
	}
	conn, stop = connect(grpcServer)
	return issuer, conn, stop
}

// callerWith returns a context for calls that carry raw.
func callerWith(raw string) context.Context {
	ctx, err := metadata.ToOutgoing(context.Background(), raw)
	if err != nil {
		panic(err)
	}
	return ctx
}

// repeatable writes to w what doesn't change from one run to the next.
func repeatable(w io.Writer) *slog.Logger {
	shown := []string{slog.LevelKey, slog.MessageKey, "grpc.method", "grpc.code", "auth.subject", "auth.reason", "auth.refused_by", "reason"}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) > 0 || !slices.Contains(shown, attr.Key) {
				return slog.Attr{}
			}
			return attr
		},
	}))
}
