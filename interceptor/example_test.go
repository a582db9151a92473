package interceptor_test

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// A server verifies the token of every call, and its handlers ask who is
// calling.
func ExampleNewServer() {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()

	server, err := interceptor.NewServer(verifier, interceptor.Rules(
		interceptor.Public(interceptor.HealthMethods()...),
		interceptor.Authenticated(),
	), interceptor.Name("orders"))
	if err != nil {
		fmt.Println(err)
		return
	}
	grpcServer := grpc.NewServer(server.Options()...)
	testpb.RegisterTestServiceServer(grpcServer, greeter{})
	if err := server.Audit(grpcServer); err != nil {
		fmt.Println(err)
		return
	}
	client, stop := exampleServe(grpcServer)
	defer stop()

	_, err = client.UnaryCall(context.Background(), &testpb.SimpleRequest{})
	fmt.Println(status.Code(err), "-", status.Convert(err).Message())

	ctx := grpcmd.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+issuer.Token())
	reply, err := client.UnaryCall(ctx, &testpb.SimpleRequest{})
	fmt.Println(reply.GetUsername(), err)
	// Output:
	// Unauthenticated - no token was sent
	// alice <nil>
}

// A client relays the token of the call in whose context it is used.
func ExampleNewClient() {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated())
	if err != nil {
		fmt.Println(err)
		return
	}
	inventory := grpc.NewServer(server.Options()...)
	testpb.RegisterTestServiceServer(inventory, greeter{})

	// AllowPlaintext because the connection of this example never leaves the
	// process; with TLS there is nothing to allow.
	relay, err := interceptor.NewClient(interceptor.AllowPlaintext())
	if err != nil {
		fmt.Println(err)
		return
	}
	client, stop := exampleServe(inventory, relay.DialOptions()...)
	defer stop()

	// The context of a handler whose caller was verified.
	caller, err := verifier.Verify(context.Background(), issuer.Token(jwttest.Subject("bob")))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := token.NewContext(context.Background(), caller)

	reply, err := client.UnaryCall(ctx, &testpb.SimpleRequest{})
	fmt.Println("inventory was called for", reply.GetUsername(), err)
	// Output: inventory was called for bob <nil>
}

// Health checks need no token. With Public alone, every other method would be
// refused.
func ExamplePublic() {
	try(interceptor.Public(interceptor.HealthMethods()...), "/grpc.health.v1.Health/Check", "/acme.Orders/List")
	// Output:
	// /grpc.health.v1.Health/Check: OK
	// /acme.Orders/List: PermissionDenied: no policy allows this method
}

// A catalogue shows prices to everyone, and a customer's own prices to a
// customer.
func ExampleOptional() {
	try(interceptor.Optional("/acme.Catalogue/List"), "/acme.Catalogue/List")
	// Output: /acme.Catalogue/List: OK
}

// With methods, Authenticated is the rule of these; any other is refused until
// it gets a rule of its own.
func ExampleAuthenticated() {
	try(interceptor.Authenticated("/acme.Orders/List"), "/acme.Orders/List", "/acme.Orders/Delete")
	// Output:
	// /acme.Orders/List: Unauthenticated: no token was sent
	// /acme.Orders/Delete: PermissionDenied: no policy allows this method
}

// Exceptions come first, the rule for everything else comes last.
func ExampleRules() {
	try(interceptor.Rules(
		interceptor.Public("/acme.Login/Start"),
		interceptor.Optional("/acme.Catalogue/List"),
		interceptor.Authenticated(),
	), "/acme.Login/Start", "/acme.Catalogue/List", "/acme.Orders/List")
	// Output:
	// /acme.Login/Start: OK
	// /acme.Catalogue/List: OK
	// /acme.Orders/List: Unauthenticated: no token was sent
}

// Audit finds at start-up what would be refused in production.
func ExampleServer_Audit() {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, interceptor.Public("/grpc.health.v1.Health/Chek"))
	if err != nil {
		fmt.Println(err)
		return
	}
	grpcServer := grpc.NewServer(server.Options()...)
	fmt.Println(server.Audit(grpcServer))
	// Output:
	// interceptor: policy and services don't match:
	// a rule names /grpc.health.v1.Health/Chek, which is not registered: remove or correct it
}

// try calls methods without a token, under a policy.
func try(policy interceptor.Policy, methods ...string) {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, policy)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := func(context.Context, any) (any, error) { return nil, nil }
	for _, method := range methods {
		_, err := server.UnaryInterceptor(context.Background(), nil, &grpc.UnaryServerInfo{FullMethod: method}, handler)
		if s := status.Convert(err); err != nil {
			fmt.Printf("%s: %v: %s\n", method, s.Code(), s.Message())
		} else {
			fmt.Printf("%s: OK\n", method)
		}
	}
}

// greeter answers with the name of whoever calls.
type greeter struct {
	testpb.UnimplementedTestServiceServer
}

func (greeter) UnaryCall(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	caller, ok := token.FromContext(ctx)
	if !ok {
		return &testpb.SimpleResponse{Username: "anonymous"}, nil
	}
	return &testpb.SimpleResponse{Username: caller.Subject()}, nil
}

func exampleIssuer() (*jwttest.Issuer, *token.Verifier) {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	verifier, err := token.NewVerifier([]token.Issuer{{
		URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys(),
	}})
	if err != nil {
		fmt.Println(err)
	}
	return issuer, verifier
}

func exampleServe(server *grpc.Server, options ...grpc.DialOption) (client testpb.TestServiceClient, stop func()) {
	listener := bufconn.Listen(1 << 16)
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///example", append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	}, options...)...)
	if err != nil {
		fmt.Println(err)
	}
	return testpb.NewTestServiceClient(conn), server.Stop
}

// A cron job has no user whose token it could relay. It calls with a credential
// of its own, which an incoming call never gets.
func ExampleOtherwise() {
	relay, err := interceptor.NewClient(interceptor.Otherwise(jobToken{}), interceptor.AllowPlaintext())
	if err != nil {
		fmt.Println(err)
		return
	}
	inventory := grpc.NewServer()
	testpb.RegisterTestServiceServer(inventory, mirror{})
	client, stop := exampleServe(inventory, relay.DialOptions()...)
	defer stop()

	for _, ctx := range []context.Context{
		context.Background(),
		token.NewContext(context.Background(), nil), // of an anonymous caller
	} {
		reply, err := client.UnaryCall(ctx, &testpb.SimpleRequest{})
		fmt.Printf("%q %v\n", reply.GetUsername(), err)
	}
	// Output:
	// "[Bearer of-the-job]" <nil>
	// "[]" <nil>
}

// A source decides what goes out. This one exchanges the user's token for one
// that the partner behind the border accepts.
func ExampleWithSource() {
	exchange := func(ctx context.Context, _ interceptor.Call) (interceptor.Credential, error) {
		caller, ok := token.FromContext(ctx)
		if !ok {
			return interceptor.Credential{}, nil // nothing goes out
		}
		return interceptor.Credential{
			Value:      "Bearer for-" + caller.Subject() + "-at-the-partner",
			ValidUntil: caller.ValidUntil(),
		}, nil
	}
	border, err := interceptor.NewClient(interceptor.WithSource(exchange), interceptor.AllowPlaintext())
	if err != nil {
		fmt.Println(err)
		return
	}
	partner := grpc.NewServer()
	testpb.RegisterTestServiceServer(partner, mirror{})
	client, stop := exampleServe(partner, border.DialOptions()...)
	defer stop()

	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	caller, err := verifier.Verify(context.Background(), issuer.Token())
	if err != nil {
		fmt.Println(err)
		return
	}
	reply, err := client.UnaryCall(token.NewContext(context.Background(), caller), &testpb.SimpleRequest{})
	fmt.Println(reply.GetUsername(), err)
	// Output: [Bearer for-alice-at-the-partner] <nil>
}

// jobToken is a credential as golang.org/x/oauth2 gives one, say.
type jobToken struct{}

func (jobToken) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer of-the-job"}, nil
}

func (jobToken) RequireTransportSecurity() bool { return false }

// mirror answers with what arrives in the authorization header.
type mirror struct {
	testpb.UnimplementedTestServiceServer
}

func (mirror) UnaryCall(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	values := grpcmd.ValueFromIncomingContext(ctx, "authorization")
	return &testpb.SimpleResponse{Username: fmt.Sprint(values)}, nil
}

// A front end learns why a call was refused, by whom, and whether to try again.
func ExampleRefusalFrom() {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated(), interceptor.Name("orders"))
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := grpc.NewServer(server.Options()...)
	testpb.RegisterTestServiceServer(orders, greeter{})
	client, stop := exampleServe(orders)
	defer stop()

	_, err = client.UnaryCall(context.Background(), &testpb.SimpleRequest{})
	if refusal, ok := interceptor.RefusalFrom(err); ok {
		fmt.Println(refusal.Reason, "by", refusal.Hop)
	}
	// Output: TOKEN_MISSING by orders
}

// A handler answers for the services behind it: that one of them has the wrong
// keys is nothing that logging in again would mend.
func ExampleAsUpstream() {
	issuer, _ := exampleIssuer()
	defer issuer.Close()
	_, verifierOfAnother := exampleIssuer()
	server, err := interceptor.NewServer(verifierOfAnother, interceptor.Authenticated(), interceptor.Name("pricing"))
	if err != nil {
		fmt.Println(err)
		return
	}
	pricing := grpc.NewServer(server.Options()...)
	testpb.RegisterTestServiceServer(pricing, greeter{})
	client, stop := exampleServe(pricing)
	defer stop()

	ctx := grpcmd.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+issuer.Token())
	_, err = client.UnaryCall(ctx, &testpb.SimpleRequest{})
	fmt.Println(status.Code(err))

	err = interceptor.AsUpstream(err)
	refusal, _ := interceptor.RefusalFrom(err)
	fmt.Println(status.Code(err), refusal.Reason, refusal.Hop)
	// Output:
	// Unauthenticated
	// Internal KEY_UNKNOWN pricing
}
