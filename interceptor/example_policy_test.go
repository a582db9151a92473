package interceptor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	policyv1 "github.com/jwtrelay/jwtrelay/proto/jwtrelay/policy/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

// The proto says who may call: ordersFiles holds what a compiler makes of it.
// FromProto() without arguments takes the protos that are linked into the program.
//
//	service Orders {
//	  option (jwtrelay.policy.v1.default_rule).authenticated = {};
//	  rpc List(ListRequest) returns (ListResponse);
//	  rpc Cancel(CancelRequest) returns (CancelResponse) {
//	    option (jwtrelay.policy.v1.rule).authenticated.all_scopes = "orders.cancel";
//	  }
//	  rpc Ping(PingRequest) returns (PingResponse) {
//	    option (jwtrelay.policy.v1.rule).public = {};
//	  }
//	}
func ExampleFromProto() {
	policy := interceptor.FromProto(ordersFiles())
	try(policy, "/acme.Orders/Ping", "/acme.Orders/List")
	tryWith(policy, "/acme.Orders/List")
	tryWith(policy, "/acme.Orders/Cancel")
	tryWith(policy, "/acme.Orders/Cancel", jwttest.Scopes("orders.cancel"))
	// Output:
	// /acme.Orders/Ping: OK
	// /acme.Orders/List: Unauthenticated: no token was sent
	// /acme.Orders/List: OK
	// /acme.Orders/Cancel: SCOPE_INSUFFICIENT
	// /acme.Orders/Cancel: OK
}

// What no proto says is asked in code, of each method that needs a token: here
// that the token is for one tenant.
func ExamplePolicy_with() {
	policy := interceptor.FromProto(ordersFiles()).With(interceptor.Claim("tenant", "acme"))
	try(policy, "/acme.Orders/Ping")
	tryWith(policy, "/acme.Orders/List")
	tryWith(policy, "/acme.Orders/List", jwttest.Claim("tenant", "acme"))
	tryWith(policy, "/acme.Orders/Cancel", jwttest.Claim("tenant", "acme"))
	// Output:
	// /acme.Orders/Ping: OK
	// /acme.Orders/List: CLAIM_REQUIRED
	// /acme.Orders/List: OK
	// /acme.Orders/Cancel: SCOPE_INSUFFICIENT
}

// All of the scopes must have been granted.
func ExampleScopes() {
	policy := interceptor.Authenticated("/acme.Orders/Cancel").
		With(interceptor.Scopes("orders.write", "orders.cancel"))
	tryWith(policy, "/acme.Orders/Cancel", jwttest.Scopes("orders.write"))
	tryWith(policy, "/acme.Orders/Cancel", jwttest.Scopes("orders.write", "orders.cancel"))
	// Output:
	// /acme.Orders/Cancel: SCOPE_INSUFFICIENT
	// /acme.Orders/Cancel: OK
}

// One of the scopes is enough.
func ExampleAnyScope() {
	policy := interceptor.Authenticated("/acme.Orders/List").
		With(interceptor.AnyScope("orders.read", "orders.admin"))
	tryWith(policy, "/acme.Orders/List", jwttest.Scopes("orders.admin"))
	tryWith(policy, "/acme.Orders/List", jwttest.Scopes("profile"))
	// Output:
	// /acme.Orders/List: OK
	// /acme.Orders/List: SCOPE_INSUFFICIENT
}

// Roles are where the issuer puts them, here as Keycloak does.
func ExampleClaim() {
	policy := interceptor.Authenticated("/acme.Orders/Refund").
		With(interceptor.Claim("realm_access.roles", "support", "finance"))
	tryWith(policy, "/acme.Orders/Refund", jwttest.Claim("realm_access", map[string]any{"roles": []string{"buyer", "support"}}))
	tryWith(policy, "/acme.Orders/Refund", jwttest.Claim("realm_access", map[string]any{"roles": []string{"buyer"}}))
	// Output:
	// /acme.Orders/Refund: OK
	// /acme.Orders/Refund: CLAIM_REQUIRED
}

// The verifier trusts more than one issuer, and this method is for the customers
// of one.
func ExampleIssuers() {
	policy := interceptor.Authenticated("/acme.Orders/List").
		With(interceptor.Issuers("https://customers.acme.example"))
	tryWith(policy, "/acme.Orders/List") // a token of https://issuer.test
	// Output: /acme.Orders/List: ISSUER_NOT_ALLOWED
}

// Who changes a password must have logged in lately.
func ExampleMaxAge() {
	policy := interceptor.Authenticated("/acme.Accounts/ChangePassword").
		With(interceptor.MaxAge(5 * time.Minute))
	tryWith(policy, "/acme.Accounts/ChangePassword")
	tryWith(policy, "/acme.Accounts/ChangePassword", jwttest.IssuedAt(time.Now().Add(-10*time.Minute)))
	// Output:
	// /acme.Accounts/ChangePassword: OK
	// /acme.Accounts/ChangePassword: TOKEN_TOO_OLD
}

// The user's token comes by way of a service, and only one may bring it: the one
// whose client certificate has one of these names.
func ExamplePeers() {
	policy := interceptor.Authenticated("/acme.Inventory/Reserve").
		With(interceptor.Peers("spiffe://acme/orders", "orders.acme.internal"))
	tryFrom(policy, "/acme.Inventory/Reserve", "spiffe://acme/orders")
	tryFrom(policy, "/acme.Inventory/Reserve", "spiffe://acme/billing")
	// Output:
	// spiffe://acme/orders: OK
	// spiffe://acme/billing: PEER_NOT_ALLOWED
}

// What no other requirement can say, a function can. Its error is for the log:
// the caller learns no more than the reason.
func ExampleRequire() {
	notSuspended := func(_ context.Context, t *token.Token) error {
		if t.Subject() == "mallory" {
			return errors.New("mallory is suspended since Monday")
		}
		return nil
	}
	policy := interceptor.Authenticated().With(interceptor.Require(notSuspended))
	tryWith(policy, "/acme.Orders/List", jwttest.Subject("alice"))
	tryWith(policy, "/acme.Orders/List", jwttest.Subject("mallory"))
	// Output:
	// /acme.Orders/List: OK
	// /acme.Orders/List: CALL_NOT_ALLOWED
}

// Behind HTTPHandler there may be no gRPC server that Audit could ask for its
// services.
func ExampleServices() {
	services, err := interceptor.Services("grpc.testing.UnimplementedService")
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, interceptor.Authenticated())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(server.PolicyTable(services))
	// Output:
	// /grpc.testing.UnimplementedService/UnimplementedCall -> a valid token
	// any other method -> a valid token
}

// A reviewer sees who may call what, and a golden file shows when it changes.
func ExamplePolicyTable() {
	policy := interceptor.Rules(
		interceptor.Public(testpb.ReconnectService_Start_FullMethodName),
		interceptor.Authenticated(testpb.ReconnectService_Stop_FullMethodName).
			With(interceptor.Scopes("admin"), interceptor.MaxAge(time.Hour)),
	)
	grpcServer := grpc.NewServer()
	testpb.RegisterReconnectServiceServer(grpcServer, testpb.UnimplementedReconnectServiceServer{})
	table, err := interceptor.PolicyTable(policy, grpcServer)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(table)
	// Output:
	// /grpc.testing.ReconnectService/Start -> anyone
	// /grpc.testing.ReconnectService/Stop -> a valid token; scope admin; issued within 1h0m0s
	// any other method -> nobody (NO_POLICY)
}

// tryWith calls a method with a valid token, under a policy.
func tryWith(policy interceptor.Policy, method string, options ...jwttest.TokenOption) {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, policy)
	if err != nil {
		fmt.Println(err)
		return
	}
	printAnswer(method, asUnary(carrying(context.Background(), issuer.Token(options...)), server, method))
}

// tryFrom calls a method with a valid token, under a policy, over a connection
// whose TLS has verified a client certificate with this URI.
func tryFrom(policy interceptor.Policy, method, uri string) {
	issuer, verifier := exampleIssuer()
	defer issuer.Close()
	server, err := interceptor.NewServer(verifier, policy)
	if err != nil {
		fmt.Println(err)
		return
	}
	printAnswer(uri, asUnary(calledBy(carrying(context.Background(), issuer.Token()), uri), server, method))
}

// calledBy returns the context of a call over such a connection.
func calledBy(ctx context.Context, uri string) context.Context {
	parsed, err := url.Parse(uri)
	if err != nil {
		fmt.Println(err)
	}
	certificate := &x509.Certificate{URIs: []*url.URL{parsed}}
	return peer.NewContext(ctx, &peer.Peer{AuthInfo: credentials.TLSInfo{
		State: tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{certificate}}},
	}})
}

// printAnswer prints what a server answered.
func printAnswer(to string, err error) {
	if refusal, refused := interceptor.RefusalFrom(err); refused {
		fmt.Printf("%s: %s\n", to, refusal.Reason)
		return
	}
	fmt.Printf("%s: OK\n", to)
}

// ordersFiles compiles the proto of [ExampleFromProto].
func ordersFiles() *protoregistry.Files {
	file, err := protodesc.NewFile(protoFile("acme/orders.proto", "acme",
		protoService("Orders", tokenRule(new(policyv1.Authenticated)),
			protoMethod("List", nil),
			protoMethod("Cancel", scopesRule("orders.cancel")),
			protoMethod("Ping", publicRule()),
		)), protoregistry.GlobalFiles)
	files := new(protoregistry.Files)
	if err == nil {
		err = files.RegisterFile(file)
	}
	if err != nil {
		fmt.Println(err)
	}
	return files
}
