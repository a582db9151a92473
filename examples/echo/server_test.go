package main

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestHealthIsOpen(t *testing.T) {
	t.Parallel()
	connection := dial(t, start(t, newIssuer(t)).addr, insecure.NewCredentials())
	response, err := healthpb.NewHealthClient(connection).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || response.GetStatus() != serving {
		t.Errorf("got %v, %v", response, err)
	}
}

// The two versions differ in nothing but their name.
func TestReflectionIsOpen(t *testing.T) {
	t.Parallel()
	connection := dial(t, start(t, newIssuer(t)).addr, insecure.NewCredentials())
	for _, method := range interceptor.ReflectionMethods() {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			kind := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
			stream, err := connection.NewStream(t.Context(), kind, method)
			if err != nil {
				t.Fatal(err)
			}
			request := &reflectionpb.ServerReflectionRequest{
				MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
			}
			if err := stream.SendMsg(request); err != nil {
				t.Fatal(err)
			}
			response := new(reflectionpb.ServerReflectionResponse)
			if err := stream.RecvMsg(response); err != nil {
				t.Fatal(err)
			}
			if len(response.GetListServicesResponse().GetService()) != 4 {
				t.Errorf("got %v, want echo, health and two of reflection", response)
			}
		})
	}
}

func TestItStartsAlthoughSomeKeysAreUnusable(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	issuer.AddJWK(`{"kty":"AKP","kid":"of-the-future","alg":"ML-DSA-65","pub":"AAAA"}`)
	issuer.Key("ES256")
	server := start(t, issuer)
	server.log.line(t, "of-the-future")
	if _, err := server.client(t).Echo(with(t, issuer.Token()), &echov1.EchoRequest{}); err != nil {
		t.Error(err)
	}
}

func TestTheLeewayIsThatOfTheFlag(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	raw := issuer.Token(jwttest.Expired(10 * time.Second))
	if _, err := start(t, issuer).client(t).Echo(with(t, raw), &echov1.EchoRequest{}); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
	_, err := start(t, issuer, "-name", "strict", "-leeway", "0s").client(t).Echo(with(t, raw), &echov1.EchoRequest{})
	wantRefusal(t, err, codes.Unauthenticated, token.ReasonExpired, "strict")
}

func TestStoppingLetsOpenCallsFinish(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	app, addr, stop, served := serve(t, issuer)
	defer app.Close()
	stream, err := (&running{addr: addr}).client(t).Chat(with(t, issuer.Token()))
	if err != nil {
		t.Fatal(err)
	}
	converse := func() {
		t.Helper()
		if err := stream.Send(&echov1.EchoRequest{Message: "still here?"}); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	converse()
	stop()
	waitForRefusal(t, addr)
	converse()
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestStoppingDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	app, addr, stop, served := serve(t, issuer)
	defer app.Close()
	app.grace = time.Millisecond
	stream, err := (&running{addr: addr}).client(t).Chat(with(t, issuer.Token()))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&echov1.EchoRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	_, err = stream.Recv()
	wantCode(t, err, codes.Unavailable)
}

func TestStoppingBeforeItBegan(t *testing.T) {
	t.Parallel()
	app, _, stop, served := serve(t, newIssuer(t))
	defer app.Close()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestAPanicTellsTheCallerNothing(t *testing.T) {
	t.Parallel()
	log := new(logBuffer)
	err := recovered(slog.New(slog.NewTextHandler(log, nil)))(t.Context(), "at the disco")
	wantCode(t, err, codes.Internal)
	if got := err.Error(); got != "rpc error: code = Internal desc = internal error" {
		t.Errorf("got %s", got)
	}
	log.line(t, "at the disco")
}

func TestAFailureToServeIsReported(t *testing.T) {
	t.Parallel()
	app, err := newApp(mustParse(t, flagsFor(t, newIssuer(t))), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	listener := listen(t)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := app.Serve(t.Context(), listener); err == nil {
		t.Error("no error from a closed listener")
	}
}

// serve starts a server that the test stops itself.
func serve(t *testing.T, issuer *jwttest.Issuer) (a *app, addr string, stop func(), served <-chan error) {
	t.Helper()
	a, err := newApp(mustParse(t, flagsFor(t, issuer)), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	listener := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- a.Serve(ctx, listener) }()
	return a, listener.Addr().String(), stop, result
}

// mustParse parses flags that make sense.
func mustParse(t *testing.T, flags []string) config {
	t.Helper()
	config, err := parseFlags(flags, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// waitForRefusal returns once new connections to addr are refused.
func waitForRefusal(t *testing.T, addr string) {
	t.Helper()
	for {
		client := healthpb.NewHealthClient(dial(t, addr, insecure.NewCredentials()))
		if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
			wantCode(t, err, codes.Unavailable)
			return
		}
	}
}
