package interceptor_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/jwtrelay/jwtrelay/interceptor"
	policyv1 "github.com/jwtrelay/jwtrelay/proto/jwtrelay/policy/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

const (
	unaryCall = testpb.TestService_UnaryCall_FullMethodName
	emptyCall = testpb.TestService_EmptyCall_FullMethodName
	inCode    = `interceptor.Authenticated("` + unaryCall + `")`
)

// audited returns what Audit says of a server with the test service, and with
// the health service, under a policy.
func audited(t *testing.T, w world, policy interceptor.Policy, options ...interceptor.ServerOption) error {
	t.Helper()
	server := w.server(t, policy, options...)
	grpcServer := grpc.NewServer(server.Options()...)
	testpb.RegisterTestServiceServer(grpcServer, &service{})
	healthpb.RegisterHealthServer(grpcServer, healthpb.UnimplementedHealthServer{})
	return server.Audit(grpcServer)
}

func TestAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	health := interceptor.Public(interceptor.HealthMethods()...)
	for name, test := range map[string]struct {
		policy     interceptor.Policy
		says, hush []string
	}{
		"a rule for everything":       {interceptor.Authenticated(), nil, nil},
		"ready-made sets, not served": {interceptor.Rules(interceptor.Authenticated(), interceptor.Public(interceptor.ReflectionMethods()...)), nil, nil},
		"rules of protos":             {interceptor.Rules(health, interceptor.FromProto(withRules(t))), nil, nil},
		"one method has a rule": {
			interceptor.Rules(health, interceptor.Authenticated(unaryCall)),
			[]string{
				"no rule for " + testpb.TestService_FullDuplexCall_FullMethodName + ": add ", // streams as well
				"no rule for " + testpb.TestService_StreamingInputCall_FullMethodName + ": add ",
				"no rule for " + emptyCall + `: add interceptor.Authenticated("` + emptyCall + `")`,
			},
			[]string{unaryCall, "Health"},
		},
		"no rule for health": {
			interceptor.Rules(interceptor.FromProto(withRules(t))),
			[]string{"interceptor.Public(interceptor.HealthMethods()...)"}, []string{"TestService"},
		},
		"a method misspelt": {
			interceptor.Rules(interceptor.Authenticated(), interceptor.Public(unaryCall+"s")),
			[]string{"a rule names " + unaryCall + "s, which is not registered"}, []string{"no rule for"},
		},
		"a method of another service": {
			interceptor.Rules(interceptor.Authenticated(), interceptor.Public("/grpc.testing.Test/UnaryCall")),
			[]string{"a rule names /grpc.testing.Test/UnaryCall, which is not registered"}, nil,
		},
		"no rules in the proto": {
			interceptor.Rules(health, interceptor.FromProto()),
			[]string{
				"no rule for " + unaryCall + ": add to its method in grpc/testing/test.proto: " +
					"option (jwtrelay.policy.v1.rule).authenticated = {};",
				inCode,
			}, []string{"Health"},
		},
		"no descriptor": {
			interceptor.Rules(health, interceptor.FromProto(new(protoregistry.Files))),
			[]string{"no descriptor of grpc.testing.TestService for " + unaryCall, "interceptor.FromProto(files)", inCode}, nil,
		},
		"no descriptor, and a rule for all others": {
			interceptor.Rules(health, interceptor.FromProto(new(protoregistry.Files)), interceptor.Authenticated()),
			[]string{"no descriptor of grpc.testing.TestService for " + unaryCall, "interceptor.FromProto(files)"}, nil,
		},
		"no descriptor, and a rule for each": {
			interceptor.Rules(health, interceptor.FromProto(new(protoregistry.Files)), interceptor.Authenticated(methodsOfTestService()...)),
			nil, nil,
		},
		"an issuer nobody trusts": {
			interceptor.Rules(interceptor.Authenticated(), interceptor.Authenticated(unaryCall).With(interceptor.Issuers("https://x", "https://y"))),
			[]string{"nobody can call " + unaryCall + ": it asks for issuer https://x or https://y"}, nil,
		},
		"issuers of which one is trusted": {
			interceptor.Authenticated().With(interceptor.Issuers("https://x", w.issuer.URL())), nil, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantFindings(t, audited(t, w, test.policy), test.says, test.hush)
		})
	}
}

func wantFindings(t *testing.T, err error, says, hush []string) {
	t.Helper()
	if (err != nil) != (says != nil) {
		t.Fatalf("got %v", err)
	}
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it doesn't say %q:\n%v", want, err)
		}
	}
	for _, not := range hush {
		if strings.Contains(err.Error(), not) {
			t.Errorf("it says %q:\n%v", not, err)
		}
	}
}

// methodsOfTestService are all methods of the service that tests register.
func methodsOfTestService() []string {
	methods := []string{emptyCall}
	for _, method := range testpb.TestService_ServiceDesc.Methods {
		if full := "/grpc.testing.TestService/" + method.MethodName; full != emptyCall {
			methods = append(methods, full)
		}
	}
	for _, stream := range testpb.TestService_ServiceDesc.Streams {
		methods = append(methods, "/grpc.testing.TestService/"+stream.StreamName)
	}
	return methods
}

// withRules returns the files of the test service, whose proto says in them that
// its methods need a token, and files with a service that no server has.
func withRules(t *testing.T) *protoregistry.Files {
	t.Helper()
	needsToken := &policyv1.Rule{Authenticated: new(policyv1.Authenticated)}
	file := protodesc.ToFileDescriptorProto(testpb.File_grpc_testing_test_proto)
	for _, service := range file.GetService() {
		service.Options = new(descriptorpb.ServiceOptions)
		pb.SetExtension(service.Options, policyv1.E_DefaultRule, needsToken)
	}
	files := new(protoregistry.Files)
	for _, path := range []string{"grpc/testing/empty.proto", "grpc/testing/messages.proto"} {
		imported, err := protoregistry.GlobalFiles.FindFileByPath(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := files.RegisterFile(imported); err != nil {
			t.Fatal(err)
		}
	}
	described, err := protodesc.NewFile(file, files)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(files.RegisterFile(described), files.RegisterFile(healthpb.File_grpc_health_v1_health_proto)); err != nil {
		t.Fatal(err)
	}
	return files
}

// ruledService returns a service that is linked, and whose proto has a rule for
// one of its methods.
func ruledService(t *testing.T) interceptor.ServiceInfoProvider {
	t.Helper()
	linkRuled(t)
	services, err := interceptor.Services("jwtrelay.test.Ruled")
	if err != nil {
		t.Fatal(err)
	}
	return services
}

var ruledOnce sync.Once

// linkRuled links the proto of the ruled service, as its generated code would.
func linkRuled(t *testing.T) {
	t.Helper()
	ruledOnce.Do(func() {
		cancel := &descriptorpb.MethodOptions{}
		pb.SetExtension(cancel, policyv1.E_Rule, &policyv1.Rule{
			Authenticated: &policyv1.Authenticated{AllScopes: []string{"admin"}},
		})
		empty := pb.String(".grpc.testing.Empty")
		described, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
			Name:       pb.String("jwtrelay/test/ruled.proto"),
			Package:    pb.String("jwtrelay.test"),
			Dependency: []string{"grpc/testing/empty.proto"},
			Service: []*descriptorpb.ServiceDescriptorProto{{
				Name: pb.String("Ruled"),
				Method: []*descriptorpb.MethodDescriptorProto{
					{Name: pb.String("Cancel"), InputType: empty, OutputType: empty, Options: cancel},
					{Name: pb.String("List"), InputType: empty, OutputType: empty},
				},
			}},
		}, protoregistry.GlobalFiles)
		if err == nil {
			err = protoregistry.GlobalFiles.RegisterFile(described)
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// TestAuditFindsRulesThatAreNotInThePolicy has a proto with a rule that is
// stricter than the policy, which forgot FromProto.
func TestAuditFindsRulesThatAreNotInThePolicy(t *testing.T) {
	t.Parallel()
	server := newWorld(t).server(t, interceptor.Authenticated())
	_ = server.Options()
	ruled := ruledService(t)
	err := server.Audit(ruled)
	wantFindings(t, err, []string{
		"add interceptor.FromProto(): the policy has other rules than the protos for /jwtrelay.test.Ruled/Cancel",
	}, []string{"Ruled/List"})

	overruling := newWorld(t).server(t, interceptor.Rules(interceptor.Authenticated(), interceptor.Authenticated("/jwtrelay.test.Ruled/Cancel")))
	_ = overruling.Options()
	if err := overruling.Audit(ruled); err != nil {
		t.Errorf("overruled on purpose: %v", err)
	}
}

func TestAuditNeedsTheInterceptors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	grpcServer := grpc.NewServer()
	testpb.RegisterTestServiceServer(grpcServer, &service{})
	server := w.server(t, interceptor.Authenticated())
	wantFindings(t, server.Audit(grpcServer), []string{"none of Options(), AuthFunc() and HTTPHandler() was called"}, []string{"no rule"})
	shadow := w.server(t, interceptor.Authenticated(), interceptor.Shadow(new(recorder)))
	if err := shadow.Audit(grpcServer); err == nil || errors.Is(err, interceptor.ErrShadow) {
		t.Errorf("in shadow: %v", err)
	}
	for name, install := range map[string]func(*interceptor.Server){
		"Options":     func(s *interceptor.Server) { _ = s.Options() },
		"AuthFunc":    func(s *interceptor.Server) { _ = s.AuthFunc() },
		"HTTPHandler": func(s *interceptor.Server) { _, _ = s.HTTPHandler(grpcServer) },
	} {
		installed := w.server(t, interceptor.Authenticated())
		install(installed)
		if err := installed.Audit(grpcServer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAuditSaysThatShadowIsOn(t *testing.T) {
	t.Parallel()
	shadow := interceptor.Shadow(new(recorder))
	err := audited(t, newWorld(t), interceptor.Authenticated(), shadow)
	if !errors.Is(err, interceptor.ErrShadow) || strings.Contains(err.Error(), "no rule") {
		t.Errorf("nothing else wrong: %v", err)
	}
	err = audited(t, newWorld(t), interceptor.Authenticated(unaryCall), shadow)
	if !errors.Is(err, interceptor.ErrShadow) || !strings.Contains(err.Error(), "no rule for "+emptyCall) {
		t.Errorf("with methods without a rule: %v", err)
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	services, err := interceptor.Services("grpc.testing.TestService", "grpc.health.v1.Health")
	if err != nil {
		t.Fatal(err)
	}
	grpcServer := grpc.NewServer()
	testpb.RegisterTestServiceServer(grpcServer, &service{})
	healthpb.RegisterHealthServer(grpcServer, healthpb.UnimplementedHealthServer{})
	server := newWorld(t).server(t, interceptor.Authenticated())
	if got, want := server.PolicyTable(services), server.PolicyTable(grpcServer); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, name := range []string{"", "nobody.Knows", "grpc.testing.Empty", "/grpc.testing.TestService"} {
		if services, err := interceptor.Services(name); services != nil || err == nil {
			t.Errorf("%q is a service", name)
		}
	}
}

func TestPolicyTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	grpcServer := grpc.NewServer()
	healthpb.RegisterHealthServer(grpcServer, healthpb.UnimplementedHealthServer{})
	policy := interceptor.Rules(
		interceptor.Optional(healthpb.Health_Check_FullMethodName),
		interceptor.Authenticated(healthpb.Health_Watch_FullMethodName).With(
			interceptor.Require(allowAll),
			interceptor.Peers("spiffe://acme/orders", "orders.acme"),
			interceptor.MaxAge(90e9),
			interceptor.Issuers("https://a"),
			interceptor.Claim("realm_access.roles", "buyer", "clerk"),
			interceptor.AnyScope("c", "d"),
			interceptor.Scopes("a", "b"),
		),
	)
	const rows = `/grpc.health.v1.Health/Check -> anyone, with a valid token or none
/grpc.health.v1.Health/List -> nobody (NO_POLICY)
/grpc.health.v1.Health/Watch -> a valid token; scope c or d; scope a and b; ` +
		`claim realm_access.roles is "buyer" or "clerk"; issuer https://a; issued within 1m30s; ` +
		`peer spiffe://acme/orders or orders.acme; interceptor_test.allowAll
`
	wantTable(t, w.server(t, policy).PolicyTable(grpcServer), rows+"any other method -> nobody (NO_POLICY)\n")
	alone, err := interceptor.PolicyTable(policy, grpcServer)
	if err != nil {
		t.Fatal(err)
	}
	wantTable(t, alone, rows+"any other method -> nobody (NO_POLICY)\n")
	if table, err := interceptor.PolicyTable(interceptor.Public(), grpcServer); table != "" || err == nil {
		t.Errorf("a policy with a mistake has the table %q", table)
	}
	everything := interceptor.Rules(interceptor.Public(interceptor.HealthMethods()...), interceptor.Authenticated().With(interceptor.Scopes("x")))
	wantTable(t, w.server(t, everything, interceptor.Shadow(new(recorder))).PolicyTable(grpcServer),
		`SHADOW MODE: everybody is let in, these rules are only reported
/grpc.health.v1.Health/Check -> anyone
/grpc.health.v1.Health/List -> anyone
/grpc.health.v1.Health/Watch -> anyone
any other method -> a valid token; scope x
`)
}

func wantTable(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func allowAll(context.Context, *token.Token) error { return nil }
