package interceptor_test

import (
	"context"
	"path"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	policyv1 "github.com/jwtrelay/jwtrelay/proto/jwtrelay/policy/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestPathsNoClientSends has values of :path that get past no gRPC client and no
// HTTP library. Only one of the service's methods is public.
func TestPathsNoClientSends(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := []string{"authorization", "Bearer " + w.issuer.Token(jwttest.Without("iat", "jti"))}
	for name, policy := range map[string]interceptor.Policy{
		"others have no rule":  interceptor.Public(emptyCall),
		"others need a token":  interceptor.Rules(interceptor.Public(emptyCall), interceptor.Authenticated()),
		"others need a scope":  interceptor.Rules(interceptor.Public(emptyCall), interceptor.Authenticated().With(interceptor.Scopes("x"))),
		"others are optional":  interceptor.Rules(interceptor.Public(emptyCall), interceptor.Optional(testpb.TestService_FullDuplexCall_FullMethodName)),
		"all others by proto":  interceptor.Rules(interceptor.Public(emptyCall), interceptor.FromProto()),
		"exceptions of others": interceptor.Rules(interceptor.Public(interceptor.HealthMethods()...), interceptor.Public(emptyCall)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			impl := &service{}
			server := newRawServer(t, impl, w.server(t, policy).Options()...)
			for _, path := range []string{
				unaryCall[1:],                         // no leading slash
				"/" + unaryCall,                       // a doubled one
				"//" + unaryCall[1:], unaryCall + "/", // and elsewhere
				strings.Replace(unaryCall, "/U", "//U", 1),
				emptyCall + "/../UnaryCall",         // as a path, it would be
				emptyCall + "\x00", emptyCall + "?", // a public one and more
				emptyCall + "#", emptyCall + "%00",
				strings.ToUpper(unaryCall), "", "/", "*", "http://test" + unaryCall,
			} {
				server.call(t, path)
				if !strings.Contains(name, "need") {
					server.call(t, path, good...)
				}
			}
			server.call(t, unaryCall)
			if n := len(impl.seen()); n != 0 {
				t.Errorf("the handler ran %d times", n)
			}
		})
	}
}

// TestRawFramesReachTheHandler makes sure that the calls above fail for their
// path: with a good one, and a token, the handler runs.
func TestRawFramesReachTheHandler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	impl := &service{}
	newRawServer(t, impl, w.server(t, interceptor.Authenticated()).Options()...).
		call(t, unaryCall, "authorization", "Bearer "+w.issuer.Token())
	if n := len(impl.seen()); n != 1 {
		t.Errorf("the handler ran %d times, want once", n)
	}
}

// TestAMethodNamedLikeAPublicOne is the same method of another service.
func TestAMethodNamedLikeAPublicOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, public := range []string{
		"/grpc.testing.Test/UnaryCall", "/testing.TestService/UnaryCall", "/grpc.testing.TestService2/UnaryCall",
		"/grpc.testing.TestService/UnaryCal", "/grpc.testing.TestService/UnaryCalls", "/TestService/UnaryCall",
	} {
		impl := &service{}
		client := serve(t, impl, w.server(t, interceptor.Public(public)).Options()...)()
		wantRefusal(t, callUnary(sending(t), client), codes.PermissionDenied, interceptor.ReasonNoPolicy, "")
		if len(impl.seen()) != 0 {
			t.Errorf("%s opened it", public)
		}
	}
}

// TestAServiceRegisteredAfterAudit is not audited, and not open either.
func TestAServiceRegisteredAfterAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		policy interceptor.Policy
		code   codes.Code
		reason token.Reason
	}{
		"no rule for others": {interceptor.Public(interceptor.HealthMethods()...), codes.PermissionDenied, interceptor.ReasonNoPolicy},
		"others by proto":    {interceptor.Rules(interceptor.FromProto(), interceptor.Public(interceptor.HealthMethods()...)), codes.PermissionDenied, interceptor.ReasonNoPolicy},
		"a rule for others":  {interceptor.Rules(interceptor.Public(interceptor.HealthMethods()...), interceptor.Authenticated()), codes.Unauthenticated, token.ReasonMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := w.server(t, test.policy)
			grpcServer := grpc.NewServer(server.Options()...)
			healthpb.RegisterHealthServer(grpcServer, health.NewServer())
			if err := server.Audit(grpcServer); err != nil {
				t.Fatal(err)
			}
			impl := &service{}
			testpb.RegisterTestServiceServer(grpcServer, impl)
			client := testpb.NewTestServiceClient(dial(t, serveInMemory(t, grpcServer)))
			for _, k := range kinds() {
				wantRefusal(t, k.call(sending(t), client), test.code, test.reason, "")
			}
			if len(impl.seen()) != 0 {
				t.Error("the handler ran")
			}
		})
	}
}

// serveInMemory serves until the test ends.
func serveInMemory(t *testing.T, server *grpc.Server) *bufconn.Listener {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener
}

// TestUnknownServicesHaveNoRule is about a handler for services that nobody
// registered, which Audit can't see.
func TestUnknownServicesHaveNoRule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		policy interceptor.Policy
		reason token.Reason
		code   codes.Code
	}{
		"no rule for others": {interceptor.Public(interceptor.HealthMethods()...), interceptor.ReasonNoPolicy, codes.PermissionDenied},
		"a rule for others":  {interceptor.Authenticated(), token.ReasonMissing, codes.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ran := make(chan struct{}, 10)
			grpcServer := grpc.NewServer(append(w.server(t, test.policy).Options(),
				grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { ran <- struct{}{}; return nil }))...)
			client := testpb.NewTestServiceClient(dial(t, serveInMemory(t, grpcServer)))
			for _, k := range kinds() {
				wantRefusal(t, k.call(sending(t), client), test.code, test.reason, "")
			}
			if len(ran) != 0 {
				t.Error("the handler ran")
			}
		})
	}
}

// TestExceptionsDoNotWiden serves health and reflection to everyone, and nothing
// else of theirs or beside them.
func TestExceptionsDoNotWiden(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	policy := interceptor.Public(append(interceptor.HealthMethods(), interceptor.ReflectionMethods()...)...)
	server := w.server(t, policy)
	grpcServer := grpc.NewServer(server.Options()...)
	healthpb.RegisterHealthServer(grpcServer, health.NewServer())
	reflection.Register(grpcServer)
	if err := server.Audit(grpcServer); err != nil {
		t.Fatal(err)
	}
	impl := &service{}
	testpb.RegisterTestServiceServer(grpcServer, impl)
	conn := dial(t, serveInMemory(t, grpcServer))

	if _, err := healthpb.NewHealthClient(conn).Check(sending(t), new(healthpb.HealthCheckRequest)); err != nil {
		t.Errorf("health: %v", err)
	}
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(sending(t))
	if err != nil {
		t.Fatal(err)
	}
	ask := &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}
	if err := stream.Send(ask); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Errorf("reflection: %v", err)
	}
	for _, method := range []string{"/grpc.health.v1.Health/Set", "/grpc.health.v2.Health/Check", "/grpc.reflection.v1.ServerReflection/Other", unaryCall} {
		// gRPC itself answers for methods that a registered service doesn't have.
		if err := conn.Invoke(sending(t), method, new(testpb.Empty), new(testpb.Empty)); err == nil {
			t.Errorf("%s is open", method)
		}
	}
	if len(impl.seen()) != 0 {
		t.Error("the handler ran")
	}
}

// TestPublicMethodsNeverRelay sends a good token to a method that doesn't look
// at it, by code and by proto, whose handler calls on.
func TestPublicMethodsNeverRelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, public := range map[string]interceptor.Policy{
		"by code":                interceptor.Public(allMethods()...),
		"by proto, the service":  interceptor.FromProto(testServiceFiles(t, publicRule(), nil)),
		"by proto, each method":  interceptor.FromProto(testServiceFiles(t, nil, publicRule())),
		"by proto, against both": interceptor.FromProto(testServiceFiles(t, scopesRule("admin"), publicRule())),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := w.server(t, interceptor.Rules(public, interceptor.Authenticated()))
			forEachKind(t, func(t *testing.T, k kind) {
				next := &service{}
				relay := serve(t, next)(append(newClient(t).DialOptions(), private())...)
				client := serve(t, &service{next: relay}, server.Options()...)()
				if err := k.call(sending(t, "Bearer "+w.issuer.Token()), client); err != nil {
					t.Fatal(err)
				}
				if values := next.seen()[0].values; len(values) != 0 {
					t.Errorf("%d values went out", len(values))
				}
			})
		})
	}
}

// testServiceFiles describes the service of the tests, with a default rule and
// one for each method; nil is none.
func testServiceFiles(t *testing.T, standard, each *policyv1.Rule) *protoregistry.Files {
	t.Helper()
	var methods []*descriptorpb.MethodDescriptorProto
	for _, method := range allMethods() {
		methods = append(methods, protoMethod(path.Base(method), each))
	}
	return protoFiles(t, protoFile("public.proto", "grpc.testing", protoService("TestService", standard, methods...)))
}

// TestATokenThatPolicyRefusesIsNotRelayed: valid, and not for this method.
func TestATokenThatPolicyRefusesIsNotRelayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, requirement := range map[string]interceptor.Requirement{
		"SCOPE_INSUFFICIENT": interceptor.Scopes("admin"),
		"CLAIM_REQUIRED":     interceptor.Claim("tenant", "acme"),
		"ISSUER_NOT_ALLOWED": interceptor.Issuers("https://other"),
		"TOKEN_TOO_OLD":      interceptor.MaxAge(time.Nanosecond),
		"PEER_NOT_ALLOWED":   interceptor.Peers("spiffe://acme/gateway"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				next := &service{}
				relay := serve(t, next)(append(newClient(t).DialOptions(), private())...)
				server := w.server(t, interceptor.Authenticated().With(requirement))
				raw := w.issuer.Token(jwttest.IssuedAt(time.Now().Add(-time.Hour)))
				err := k.call(sending(t, "Bearer "+raw), serve(t, &service{next: relay}, server.Options()...)())
				refusal, ok := interceptor.RefusalFrom(err)
				if !ok || string(refusal.Reason) != name || len(next.seen()) != 0 {
					t.Errorf("got %+v, %d calls went on", refusal, len(next.seen()))
				}
			})
		})
	}
}

// TestWhatIsAskedFirst has what is asked about a call until it is refused, cheap
// and harmless questions first: the rule, the verifier, scopes, who calls, and
// functions of the server's own.
func TestWhatIsAskedFirst(t *testing.T) {
	t.Parallel()
	const other = "/a.B/Other" // has no rule
	garbage := func(*jwttest.Issuer) string { return "garbage" }
	sends := func(options ...jwttest.TokenOption) func(*jwttest.Issuer) string {
		return func(issuer *jwttest.Issuer) string { return issuer.Token(options...) }
	}
	admin := jwttest.Scopes("admin")
	for name, test := range map[string]struct {
		method string
		token  func(*jwttest.Issuer) string // nil for none
		peer   string
		want   token.Reason
		asked  string
	}{
		"no rule, no token":      {other, nil, "", interceptor.ReasonNoPolicy, ""},
		"no rule, garbage":       {other, garbage, "", interceptor.ReasonNoPolicy, ""},
		"no rule, forged":        {other, sends(jwttest.Forged()), "", interceptor.ReasonNoPolicy, ""},
		"no rule, all is well":   {other, sends(admin), "orders", interceptor.ReasonNoPolicy, ""},
		"no token":               {unaryCall, nil, "orders", token.ReasonMissing, ""},
		"garbage":                {unaryCall, garbage, "orders", token.ReasonMalformed, "verifier"},
		"forged, nothing is met": {unaryCall, sends(jwttest.Forged()), "", token.ReasonSignatureInvalid, "verifier"},
		"forged, all is met":     {unaryCall, sends(admin, jwttest.Forged()), "orders", token.ReasonSignatureInvalid, "verifier"},
		"no scope, no peer":      {unaryCall, sends(), "", interceptor.ReasonScopeInsufficient, "verifier"},
		"no scope":               {unaryCall, sends(), "orders", interceptor.ReasonScopeInsufficient, "verifier"},
		"another peer":           {unaryCall, sends(admin), "billing", interceptor.ReasonPeerNotAllowed, "verifier, peer"},
		"all is well":            {unaryCall, sends(admin), "orders", "", "verifier, peer, function"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked questions
			w := newWorld(t, token.WithObserver(&asked))
			server := w.server(t, interceptor.Authenticated(unaryCall).With(
				interceptor.Require(func(context.Context, *token.Token) error { asked.add("function"); return nil }),
				interceptor.Peers("orders"), interceptor.Scopes("admin"),
			), interceptor.WithPeerNames(func(context.Context) []string { asked.add("peer"); return []string{test.peer} }))
			raw := ""
			if test.token != nil {
				raw = test.token(w.issuer)
			}
			for kind, call := range map[string]func(context.Context, *interceptor.Server, string) error{"unary": asUnary, "stream": asStream} {
				asked = nil
				if got := reasonIn(call(carrying(t.Context(), raw), server, test.method)); got != test.want {
					t.Errorf("%s: the answer is %q, want %q", kind, got, test.want)
				}
				if got := strings.Join(asked, ", "); got != test.asked {
					t.Errorf("%s: asked %q, want %q", kind, got, test.asked)
				}
			}
		})
	}
}

// questions are what was asked about a call, in order. As a token.Observer they
// see when the verifier was asked.
type questions []string

func (q *questions) add(what string) { *q = append(*q, what) }

func (q *questions) Verified(context.Context, token.Verification) { q.add("verifier") }
