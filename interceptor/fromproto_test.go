package interceptor_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/emptypb" // every method here takes and gives one

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	policyv1 "github.com/jwtrelay/jwtrelay/proto/jwtrelay/policy/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

func publicRule() *policyv1.Rule {
	return &policyv1.Rule{Public: new(policyv1.Public)}
}

func optionalRule() *policyv1.Rule {
	return &policyv1.Rule{Optional: new(policyv1.Optional)}
}

func tokenRule(asked *policyv1.Authenticated) *policyv1.Rule {
	return &policyv1.Rule{Authenticated: asked}
}

func scopesRule(scopes ...string) *policyv1.Rule {
	return tokenRule(&policyv1.Authenticated{AllScopes: scopes})
}

// protoMethod describes a method; a nil rule is none.
func protoMethod(name string, rule *policyv1.Rule) *descriptorpb.MethodDescriptorProto {
	empty := pb.String(".google.protobuf.Empty")
	method := &descriptorpb.MethodDescriptorProto{Name: &name, InputType: empty, OutputType: empty}
	if rule != nil {
		method.Options = new(descriptorpb.MethodOptions)
		pb.SetExtension(method.Options, policyv1.E_Rule, rule)
	}
	return method
}

// protoService describes a service; a nil default is none.
func protoService(name string, standard *policyv1.Rule, methods ...*descriptorpb.MethodDescriptorProto) *descriptorpb.ServiceDescriptorProto {
	service := &descriptorpb.ServiceDescriptorProto{Name: &name, Method: methods}
	if standard != nil {
		service.Options = new(descriptorpb.ServiceOptions)
		pb.SetExtension(service.Options, policyv1.E_DefaultRule, standard)
	}
	return service
}

func protoFile(path, pkg string, services ...*descriptorpb.ServiceDescriptorProto) *descriptorpb.FileDescriptorProto {
	file := &descriptorpb.FileDescriptorProto{
		Name:       &path,
		Dependency: []string{"google/protobuf/empty.proto"},
		Service:    services,
		Syntax:     pb.String("proto3"),
	}
	if pkg != "" {
		file.Package = &pkg
	}
	return file
}

// protoFiles compiles files.
func protoFiles(tb testing.TB, described ...*descriptorpb.FileDescriptorProto) *protoregistry.Files {
	tb.Helper()
	files := new(protoregistry.Files)
	for _, each := range described {
		file, err := protodesc.NewFile(each, protoregistry.GlobalFiles)
		if err == nil {
			err = files.RegisterFile(file)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return files
}

// carrying returns the context of an incoming call with a token, "" for none.
func carrying(ctx context.Context, raw string) context.Context {
	if raw == "" {
		return grpcmd.NewIncomingContext(ctx, grpcmd.MD{})
	}
	return grpcmd.NewIncomingContext(ctx, grpcmd.Pairs("authorization", "Bearer "+raw))
}

// asUnary returns what a server answers to a unary call.
func asUnary(ctx context.Context, server *interceptor.Server, method string) error {
	_, err := server.UnaryInterceptor(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method},
		func(context.Context, any) (any, error) { return nil, nil })
	return err
}

// asStream returns what a server answers to a stream.
func asStream(ctx context.Context, server *interceptor.Server, method string) error {
	info := &grpc.StreamServerInfo{FullMethod: method}
	handler := func(any, grpc.ServerStream) error { return nil }
	return server.StreamInterceptor(nil, inContext{nil, ctx}, info, handler) //nolint:contextcheck // the stream brings it
}

// reasonIn returns the reason of a refusal, "" for nil.
func reasonIn(err error) token.Reason {
	if err == nil {
		return ""
	}
	refusal, ok := interceptor.RefusalFrom(err)
	if !ok {
		return token.Reason("no refusal: " + err.Error())
	}
	return refusal.Reason
}

// wantAnswer checks what a server answers to a call of a method, unary and as a
// stream.
func wantAnswer(t *testing.T, server *interceptor.Server, method, raw string, want token.Reason) {
	t.Helper()
	ctx := carrying(t.Context(), raw)
	for kind, err := range map[string]error{
		"unary":  asUnary(ctx, server, method),
		"stream": asStream(ctx, server, method),
	} {
		if got := reasonIn(err); got != want {
			t.Errorf("%s, %s: the answer is %q, want %q", method, kind, got, want)
		}
	}
}

// wantMistake checks that a policy is refused, and what is said of it.
func wantMistake(t *testing.T, w world, policy interceptor.Policy, says ...string) {
	t.Helper()
	server, err := interceptor.NewServer(w.verifier, policy)
	if server != nil || err == nil {
		t.Fatalf("there is a server, want an error that says %q", says)
	}
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error doesn't say %q:\n%v", want, err)
		}
	}
}

func TestFromProtoTakesTheRulesFromTheProto(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.server(t, interceptor.FromProto(protoFiles(t, protoFile("acme/v1/orders.proto", "acme.v1",
		protoService("Orders", scopesRule("read"),
			protoMethod("List", nil),
			protoMethod("Cancel", scopesRule("admin")),
			protoMethod("Whoami", tokenRule(new(policyv1.Authenticated))),
			protoMethod("Ping", publicRule()),
			protoMethod("Peek", optionalRule())),
		protoService("Open", publicRule(),
			protoMethod("Ping", nil),
			protoMethod("Cancel", scopesRule("admin"))),
		protoService("Plain", nil,
			protoMethod("List", nil),
			protoMethod("Whoami", tokenRule(new(policyv1.Authenticated)))),
	))))
	tokens := map[string]string{
		"nobody":  "",
		"nothing": w.issuer.Token(),
		"read":    w.issuer.Token(jwttest.Scopes("read")),
		"admin":   w.issuer.Token(jwttest.Scopes("admin")),
		"expired": w.issuer.Token(jwttest.Expired(time.Hour), jwttest.Scopes("read", "admin")),
	}
	const missing, insufficient = token.ReasonMissing, interceptor.ReasonScopeInsufficient
	type answers map[string]token.Reason
	for method, want := range map[string]answers{
		"/acme.v1.Orders/List":   {"nobody": missing, "nothing": insufficient, "read": "", "admin": insufficient, "expired": token.ReasonExpired},
		"/acme.v1.Orders/Cancel": {"nobody": missing, "nothing": insufficient, "read": insufficient, "admin": "", "expired": token.ReasonExpired},
		"/acme.v1.Orders/Whoami": {"nobody": missing, "nothing": "", "read": "", "admin": "", "expired": token.ReasonExpired},
		"/acme.v1.Orders/Ping":   {"nobody": "", "nothing": "", "read": "", "admin": "", "expired": ""},
		"/acme.v1.Orders/Peek":   {"nobody": "", "nothing": "", "read": "", "admin": "", "expired": token.ReasonExpired},
		"/acme.v1.Open/Ping":     {"nobody": "", "nothing": "", "read": "", "admin": "", "expired": ""},
		"/acme.v1.Open/Cancel":   {"nobody": missing, "nothing": insufficient, "read": insufficient, "admin": "", "expired": token.ReasonExpired},
		"/acme.v1.Plain/Whoami":  {"nobody": missing, "nothing": "", "read": "", "admin": "", "expired": token.ReasonExpired},
		"/acme.v1.Plain/List":    nobodyMayCall(),
		// Names that the files don't have.
		"/acme.v1.Orders/list":   nobodyMayCall(),
		"/acme.v1.Orders/":       nobodyMayCall(),
		"/acme.v1.Orders/Delete": nobodyMayCall(),
		"/acme.v1/Ping":          nobodyMayCall(),
		"acme.v1.Orders/Ping":    nobodyMayCall(),
		"/acme.v1.Orders.Ping":   nobodyMayCall(),
		"/Orders/Ping":           nobodyMayCall(),
		"":                       nobodyMayCall(),
	} {
		for who, raw := range tokens {
			wantAnswer(t, server, method, raw, want[who])
		}
	}
}

func nobodyMayCall() map[string]token.Reason {
	const none = interceptor.ReasonNoPolicy
	return map[string]token.Reason{"nobody": none, "nothing": none, "read": none, "admin": none, "expired": none}
}

// TestFromProtoIsForAllKindsOfCalls calls a server over a connection.
func TestFromProtoIsForAllKindsOfCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var byDefault, byRule []*descriptorpb.MethodDescriptorProto
	for _, k := range kinds() {
		name := k.method[strings.LastIndexByte(k.method, '/')+1:]
		byDefault = append(byDefault, protoMethod(name, nil))
		byRule = append(byRule, protoMethod(name, scopesRule("admin")))
	}
	for name, described := range map[string]*descriptorpb.ServiceDescriptorProto{
		"by default": protoService("TestService", scopesRule("admin"), byDefault...),
		"by rule":    protoService("TestService", publicRule(), byRule...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := protoFiles(t, protoFile("own/test.proto", "grpc.testing", described))
			server := w.server(t, interceptor.FromProto(files), interceptor.Name("A"))
			client := serve(t, new(service), server.Options()...)()
			forEachKind(t, func(t *testing.T, k kind) {
				wantRefusal(t, k.call(sending(t, "Bearer "+w.issuer.Token(jwttest.Scopes("admin"))), client), codes.OK, "", "")
				wantRefusal(t, k.call(sending(t), client), codes.Unauthenticated, token.ReasonMissing, "A")
				wantRefusal(t, k.call(sending(t, "Bearer "+w.issuer.Token()), client),
					codes.PermissionDenied, interceptor.ReasonScopeInsufficient, "A")
			})
		})
	}
}

// TestFromProtoTranslatesEveryField has, for each field of Authenticated, a
// caller who meets it and one who doesn't.
func TestFromProtoTranslatesEveryField(t *testing.T) {
	t.Parallel()
	type asked = policyv1.Authenticated
	rows := []struct {
		asked   *asked
		meets   []jwttest.TokenOption
		doesNot []jwttest.TokenOption
		reason  token.Reason
	}{
		{&asked{AllScopes: []string{"a", "b"}}, []jwttest.TokenOption{jwttest.Scopes("b", "a")}, []jwttest.TokenOption{jwttest.Scopes("a")}, interceptor.ReasonScopeInsufficient},
		{&asked{AnyScopes: []string{"a", "b"}}, []jwttest.TokenOption{jwttest.Scopes("b")}, []jwttest.TokenOption{jwttest.Scopes("c")}, interceptor.ReasonScopeInsufficient},
		{&asked{Claims: []*policyv1.Claim{{Path: "a.b", AnyOf: []string{"x", "y"}}}}, []jwttest.TokenOption{jwttest.Claim("a", map[string]any{"b": "y"})}, nil, interceptor.ReasonClaimRequired},
		{&asked{Claims: []*policyv1.Claim{{Path: "a", AnyOf: []string{"x"}}, {Path: "b", AnyOf: []string{"y"}}}},
			[]jwttest.TokenOption{jwttest.Claim("a", "x"), jwttest.Claim("b", "y")}, []jwttest.TokenOption{jwttest.Claim("a", "x")}, interceptor.ReasonClaimRequired},
		{&asked{Issuers: []string{"https://other.test", "https://issuer.test"}}, nil, nil, ""},
		{&asked{Issuers: []string{"https://other.test"}}, nil, nil, interceptor.ReasonIssuerNotAllowed},
		{&asked{MaxAge: durationpb.New(time.Minute)}, nil, []jwttest.TokenOption{jwttest.IssuedAt(time.Now().Add(-time.Hour))}, interceptor.ReasonTooOld},
		{&asked{MaxAge: durationpb.New(290 * 365 * 24 * time.Hour)}, nil, []jwttest.TokenOption{jwttest.Without("iat")}, interceptor.ReasonTooOld},
		{&asked{MaxAge: &durationpb.Duration{Seconds: 315_576_000_000}}, nil, []jwttest.TokenOption{jwttest.Without("iat")}, interceptor.ReasonTooOld},
		{&asked{Peers: []string{"billing.acme.test", "orders.acme.test"}}, nil, nil, ""},
		{&asked{Peers: []string{"billing.acme.test"}}, nil, nil, interceptor.ReasonPeerNotAllowed},
	}
	w := newWorld(t)
	peer := interceptor.WithPeerNames(func(context.Context) []string { return []string{"orders.acme.test"} })
	covered := make(map[protoreflect.Name]bool)
	for _, row := range rows {
		row.asked.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			covered[field.Name()] = true
			return true
		})
		server := w.server(t, interceptor.FromProto(protoFiles(t, protoFile("a.proto", "a",
			protoService("B", nil, protoMethod("C", tokenRule(row.asked)))))), peer)
		if row.reason == "" || row.meets != nil || row.doesNot != nil {
			wantAnswer(t, server, "/a.B/C", w.issuer.Token(row.meets...), "")
		}
		wantAnswer(t, server, "/a.B/C", w.issuer.Token(row.doesNot...), row.reason)
	}
	fields := new(asked).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if name := fields.Get(i).Name(); !covered[name] {
			t.Errorf("nothing is known of the field %s", name)
		}
	}
}

// TestFromProtoTellsNamesApart has methods of one name in packages and services
// whose names begin alike.
func TestFromProtoTellsNamesApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := func(path, pkg, service string, rule *policyv1.Rule) *descriptorpb.FileDescriptorProto {
		return protoFile(path, pkg, protoService(service, nil, protoMethod("Get", rule)))
	}
	server := w.server(t, interceptor.FromProto(protoFiles(t,
		one("1.proto", "", "Orders", publicRule()),
		one("2.proto", "acme", "Orders", scopesRule("acme")),
		one("3.proto", "acme.v1", "Orders", publicRule()),
		one("4.proto", "acme.v1.admin", "Orders", scopesRule("admin")),
		one("5.proto", "acme.v1", "OrdersAdmin", scopesRule("ordersadmin")),
		one("6.proto", "acme.v1", "orders", nil),
		one("7.proto", "acme.v10", "Orders", nil),
	)))
	raw := w.issuer.Token(jwttest.Scopes("acme"))
	const insufficient = interceptor.ReasonScopeInsufficient
	for method, want := range map[string]struct{ nobody, acme token.Reason }{
		"/Orders/Get":               {"", ""},
		"/acme.Orders/Get":          {token.ReasonMissing, ""},
		"/acme.v1.Orders/Get":       {"", ""},
		"/acme.v1.admin.Orders/Get": {token.ReasonMissing, insufficient},
		"/acme.v1.OrdersAdmin/Get":  {token.ReasonMissing, insufficient},
		"/acme.v1.orders/Get":       {interceptor.ReasonNoPolicy, interceptor.ReasonNoPolicy},
		"/acme.v10.Orders/Get":      {interceptor.ReasonNoPolicy, interceptor.ReasonNoPolicy},
		"/v1.Orders/Get":            {interceptor.ReasonNoPolicy, interceptor.ReasonNoPolicy},
	} {
		wantAnswer(t, server, method, "", want.nobody)
		wantAnswer(t, server, method, raw, want.acme)
	}
}

func TestFromProtoReadsSeveralFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := protoFile("a.proto", "a", protoService("S", nil, protoMethod("M", publicRule())))
	b := protoFile("b.proto", "b", protoService("S", nil, protoMethod("M", scopesRule("x"))))
	for name, policy := range map[string]interceptor.Policy{
		"of one registry":       interceptor.FromProto(protoFiles(t, a, b)),
		"of two":                interceptor.FromProto(protoFiles(t, a), protoFiles(t, b)),
		"of two policies":       interceptor.Rules(interceptor.FromProto(protoFiles(t, a)), interceptor.FromProto(protoFiles(t, b))),
		"beside empty ones":     interceptor.FromProto(new(protoregistry.Files), protoFiles(t, b, a)),
		"beside those linked":   interceptor.Rules(interceptor.FromProto(), interceptor.FromProto(protoFiles(t, b, a))),
		"linked ones, by name":  interceptor.FromProto(protoregistry.GlobalFiles, protoFiles(t, b, a)),
		"beside a rule in code": interceptor.Rules(interceptor.Public("/c.S/M"), interceptor.FromProto(protoFiles(t, b, a))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := w.server(t, policy)
			wantAnswer(t, server, "/a.S/M", "", "")
			wantAnswer(t, server, "/b.S/M", "", token.ReasonMissing)
			wantAnswer(t, server, "/b.S/M", w.issuer.Token(), interceptor.ReasonScopeInsufficient)
		})
	}
}

// linked is a file that is linked into the test, as generated code links its own.
var linked = func() protoreflect.FileDescriptor {
	file, err := protodesc.NewFile(protoFile("jwtrelay/test/linked.proto", "jwtrelay.test.linked",
		protoService("Linked", scopesRule("linked"), protoMethod("List", nil), protoMethod("Ping", publicRule()))), protoregistry.GlobalFiles)
	if err == nil {
		err = protoregistry.GlobalFiles.RegisterFile(file)
	}
	if err != nil {
		panic(err)
	}
	return file
}()

func TestFromProtoReadsWhatIsLinked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := string(linked.Services().Get(0).FullName())
	server := w.server(t, interceptor.FromProto())
	wantAnswer(t, server, "/"+name+"/Ping", "", "")
	wantAnswer(t, server, "/"+name+"/List", w.issuer.Token(), interceptor.ReasonScopeInsufficient)
	wantAnswer(t, server, "/"+name+"/List", w.issuer.Token(jwttest.Scopes("linked")), "")
	wantAnswer(t, server, "/grpc.health.v1.Health/Check", w.issuer.Token(), interceptor.ReasonNoPolicy)

	elsewhere := protoFiles(t, protoFile("a.proto", "a", protoService("B", publicRule(), protoMethod("C", nil))))
	wantAnswer(t, w.server(t, interceptor.FromProto(elsewhere)), "/"+name+"/Ping", "", interceptor.ReasonNoPolicy)
}

// TestFromProtoAndCode has rules that the proto leaves to the code.
func TestFromProtoAndCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	files := protoFiles(t, protoFile("a.proto", "a", protoService("B", nil,
		protoMethod("Ping", publicRule()), protoMethod("Admin", scopesRule("admin")), protoMethod("Left", nil))))
	proto := interceptor.FromProto(files)
	for name, test := range map[string]struct {
		policy      interceptor.Policy
		left, other token.Reason // for nobody
	}{
		"alone":                   {proto, interceptor.ReasonNoPolicy, interceptor.ReasonNoPolicy},
		"the rest by name":        {interceptor.Rules(proto, interceptor.Public("/a.B/Left")), "", interceptor.ReasonNoPolicy},
		"the rest needs a token":  {interceptor.Rules(interceptor.Authenticated(), proto), token.ReasonMissing, token.ReasonMissing},
		"the rest, then by names": {interceptor.Rules(interceptor.Rules(proto, interceptor.Authenticated()), interceptor.Optional("/a.B/Left")), "", token.ReasonMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := w.server(t, test.policy)
			wantAnswer(t, server, "/a.B/Ping", "", "")
			wantAnswer(t, server, "/a.B/Admin", w.issuer.Token(), interceptor.ReasonScopeInsufficient)
			wantAnswer(t, server, "/a.B/Left", "", test.left)
			wantAnswer(t, server, "/other.S/M", "", test.other)
			wantAnswer(t, server, "", w.issuer.Token(), interceptor.ReasonNoPolicy) // no method is no other method
		})
	}
}

// TestWithNarrowsFromProto asks for more of every caller who needs a token, and
// of nobody else.
func TestWithNarrowsFromProto(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	files := protoFiles(t, protoFile("a.proto", "a",
		protoService("B", scopesRule("read"),
			protoMethod("List", nil), protoMethod("Ping", publicRule()), protoMethod("Peek", optionalRule()),
			protoMethod("Cancel", tokenRule(new(policyv1.Authenticated)))),
		protoService("C", nil, protoMethod("Left", nil))))
	policy := interceptor.FromProto(files).
		With(interceptor.Claim("tenant", "acme")).
		With(interceptor.Claim("verified", "true"))
	server := w.server(t, interceptor.Rules(policy, interceptor.Authenticated("/a.C/Left")))
	good := []jwttest.TokenOption{jwttest.Claim("tenant", "acme"), jwttest.Claim("verified", true)}
	for method, want := range map[string]struct{ nobody, plain, half, all token.Reason }{
		"/a.B/List":   {token.ReasonMissing, interceptor.ReasonScopeInsufficient, interceptor.ReasonScopeInsufficient, interceptor.ReasonScopeInsufficient},
		"/a.B/Cancel": {token.ReasonMissing, interceptor.ReasonClaimRequired, interceptor.ReasonClaimRequired, ""},
		"/a.B/Ping":   {},
		"/a.B/Peek":   {},
		"/a.C/Left":   {token.ReasonMissing, "", "", ""}, // beside it, not in it
	} {
		wantAnswer(t, server, method, "", want.nobody)
		wantAnswer(t, server, method, w.issuer.Token(), want.plain)
		wantAnswer(t, server, method, w.issuer.Token(good[0]), want.half)
		wantAnswer(t, server, method, w.issuer.Token(good[1]), want.half)
		wantAnswer(t, server, method, w.issuer.Token(good...), want.all)
	}
	wantAnswer(t, server, "/a.B/List", w.issuer.Token(append(good, jwttest.Scopes("read"))...), "")
}

func TestFromProtoMistakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	described := protoFile("acme/v1/orders.proto", "acme.v1", protoService("Orders", nil,
		protoMethod("List", scopesRule("read")), protoMethod("Ping", publicRule()), protoMethod("Left", nil)))
	again := protoFile("acme/v1/copy.proto", "acme.v1", protoService("Orders", nil, protoMethod("List", scopesRule("read"))))
	files, same, other := protoFiles(t, described), protoFiles(t, described), protoFiles(t, again)
	open := protoFiles(t, protoFile("open.proto", "open", protoService("Open", publicRule(), protoMethod("Get", nil), protoMethod("Peek", optionalRule()))))
	const list, path = "/acme.v1.Orders/List", "acme/v1/orders.proto"
	for name, test := range map[string]struct {
		policy interceptor.Policy
		says   []string
	}{
		"nil files":                 {interceptor.FromProto(nil), []string{"FromProto has nil files"}},
		"nil among files":           {interceptor.FromProto(files, nil), []string{"FromProto has nil files"}},
		"the same files twice":      {interceptor.FromProto(files, files), []string{list + " has two rules: ", " by " + path + " and ", " by " + path}},
		"equal files":               {interceptor.FromProto(files, same), []string{list + " has two rules: ", " by " + path + " and ", " by " + path}},
		"FromProto twice":           {interceptor.Rules(interceptor.FromProto(files), interceptor.FromProto(files)), []string{list + " has two rules"}},
		"two files for a service":   {interceptor.FromProto(files, other), []string{list + " has two rules: ", " by " + path + " and ", " by acme/v1/copy.proto"}},
		"Public in code too":        {interceptor.Rules(interceptor.FromProto(files), interceptor.Public(list)), []string{list + " has two rules: ", " by " + path + " and ", " by Public()"}},
		"in code first":             {interceptor.Rules(interceptor.Public(list), interceptor.FromProto(files)), []string{list + " has two rules: \"anyone\" by Public() and "}},
		"Optional in code too":      {interceptor.Rules(interceptor.FromProto(files), interceptor.Optional(list)), []string{path, "Optional()"}},
		"Authenticated in code too": {interceptor.Rules(interceptor.FromProto(files), interceptor.Authenticated(list)), []string{path, "Authenticated()"}},
		"With nothing to narrow":    {interceptor.FromProto(open).With(interceptor.Scopes("x")), []string{"With(...) has no effect"}},
		"With and no rules at all":  {interceptor.FromProto(new(protoregistry.Files)).With(interceptor.Scopes("x")), []string{"With(...) has no effect"}},
		"With asks for nothing":     {interceptor.FromProto(files).With(), []string{"With() asks for nothing"}},
		"With a mistake":            {interceptor.FromProto(files).With(interceptor.Scopes("a b")), []string{`Scopes("a b"): not a scope`}},
		"two mistakes": {interceptor.FromProto(protoFiles(t, protoFile("two.proto", "two", protoService("S", new(policyv1.Rule),
			protoMethod("A", scopesRule("")), protoMethod("B", nil))))), []string{"two.proto: the rule of two.S.A", "two.proto: the default rule of two.S"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantMistake(t, w, test.policy, test.says...)
		})
	}
}

// optionField is the number of both options.
const optionField = 75190

// inField puts the bytes of a message into a field.
func inField(number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), message)
}

// bytesOf returns the bytes of messages, one after the other.
func bytesOf(tb testing.TB, messages ...pb.Message) []byte {
	tb.Helper()
	var all []byte
	for _, message := range messages {
		raw, err := pb.Marshal(message)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, raw...)
	}
	return all
}

// optionsBy makes a file with one service, whose method List has the default and
// whose method Cancel the rule; what both options are the given function adds.
func optionsBy(add func(options pb.Message, extension protoreflect.ExtensionType)) *descriptorpb.FileDescriptorProto {
	service := protoService("Orders", nil, protoMethod("List", nil), protoMethod("Cancel", nil))
	service.Options = new(descriptorpb.ServiceOptions)
	service.Method[1].Options = new(descriptorpb.MethodOptions)
	add(service.Options, policyv1.E_DefaultRule)
	add(service.Method[1].Options, policyv1.E_Rule)
	return protoFile("acme/v1/orders.proto", "acme.v1", service)
}

// TestFromProtoReadsOptionsHoweverTheyCame has one rule in all the ways in which
// descriptors are made.
func TestFromProtoReadsOptionsHoweverTheyCame(t *testing.T) {
	t.Parallel()
	rule := tokenRule(&policyv1.Authenticated{AllScopes: []string{"admin"}, Issuers: []string{"https://issuer.test"}})
	inTwo := append(inField(optionField, bytesOf(t, tokenRule(&policyv1.Authenticated{Issuers: []string{"https://issuer.test"}}))),
		inField(optionField, bytesOf(t, scopesRule("admin")))...)
	unknown := func(raw []byte) func(options pb.Message, _ protoreflect.ExtensionType) {
		return func(options pb.Message, _ protoreflect.ExtensionType) { options.ProtoReflect().SetUnknown(raw) }
	}
	for name, add := range map[string]func(options pb.Message, extension protoreflect.ExtensionType){
		"as generated code has it": func(options pb.Message, extension protoreflect.ExtensionType) {
			pb.SetExtension(options, extension, rule)
		},
		"as a field that nobody knew": unknown(inField(optionField, bytesOf(t, rule))),
		"in two pieces":               unknown(inTwo),
		"among other options":         unknown(append(append(inField(optionField-1, []byte("x")), inTwo...), inField(optionField+1, []byte("y"))...)),
		"beside deprecated": unknown(append(protowire.AppendVarint(protowire.AppendTag(nil, 33, protowire.VarintType), 1),
			inField(optionField, bytesOf(t, rule))...)),
		"as a dynamic extension": func(options pb.Message, extension protoreflect.ExtensionType) {
			dynamic := dynamicpb.NewExtensionType(extension.TypeDescriptor().Descriptor())
			value := dynamic.New().Message()
			if err := pb.Unmarshal(bytesOf(t, rule), value.Interface()); err != nil {
				t.Error(err)
			}
			options.ProtoReflect().Set(dynamic.TypeDescriptor(), protoreflect.ValueOfMessage(value))
		},
		"half known, half not": func(options pb.Message, extension protoreflect.ExtensionType) {
			pb.SetExtension(options, extension, tokenRule(&policyv1.Authenticated{Issuers: []string{"https://issuer.test"}}))
			options.ProtoReflect().SetUnknown(inField(optionField, bytesOf(t, scopesRule("admin"))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantBothRules(t, protoFiles(t, optionsBy(add)))
		})
	}
}

// wantBothRules checks that both methods ask for the scope admin and the issuer.
func wantBothRules(t *testing.T, files *protoregistry.Files) {
	t.Helper()
	w := newWorld(t)
	server := w.server(t, interceptor.FromProto(files))
	for _, method := range []string{"/acme.v1.Orders/Cancel", "/acme.v1.Orders/List"} {
		wantAnswer(t, server, method, "", token.ReasonMissing)
		wantAnswer(t, server, method, w.issuer.Token(), interceptor.ReasonScopeInsufficient)
		wantAnswer(t, server, method, w.issuer.Token(jwttest.Scopes("admin")), "")
	}
	const row = " -> a valid token; scope admin; issuer https://issuer.test\n"
	if got := server.PolicyTable(listed{"acme.v1.Orders": {"Cancel", "List"}}); strings.Count(got, row) != 2 {
		t.Errorf("the table is\n%s", got)
	}
}

// listed is a server that lists methods of services.
type listed map[string][]string

func (l listed) GetServiceInfo() map[string]grpc.ServiceInfo {
	infos := make(map[string]grpc.ServiceInfo)
	for service, methods := range l {
		var info grpc.ServiceInfo
		for _, method := range methods {
			info.Methods = append(info.Methods, grpc.MethodInfo{Name: method})
		}
		infos[service] = info
	}
	return infos
}

// TestFromProtoReadsFileDescriptorSets reads a set of files as a compiler writes
// it, with and without knowing the options.
func TestFromProtoReadsFileDescriptorSets(t *testing.T) {
	t.Parallel()
	rule := tokenRule(&policyv1.Authenticated{AllScopes: []string{"admin"}, Issuers: []string{"https://issuer.test"}})
	raw := bytesOf(t, &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{
		protoFile("google/protobuf/empty.proto", "google.protobuf"),
		optionsBy(func(options pb.Message, extension protoreflect.ExtensionType) {
			pb.SetExtension(options, extension, rule)
		}),
	}})
	dynamic := new(protoregistry.Types)
	for _, extension := range []protoreflect.ExtensionType{policyv1.E_Rule, policyv1.E_DefaultRule} {
		if err := dynamic.RegisterExtension(dynamicpb.NewExtensionType(extension.TypeDescriptor().Descriptor())); err != nil {
			t.Fatal(err)
		}
	}
	for name, resolver := range map[string]*protoregistry.Types{
		"known":              protoregistry.GlobalTypes,
		"unknown":            new(protoregistry.Types),
		"known otherwise":    dynamic,
		"known and resolved": protoregistry.GlobalTypes,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := new(descriptorpb.FileDescriptorSet)
			if err := (pb.UnmarshalOptions{Resolver: resolver}).Unmarshal(raw, set); err != nil {
				t.Fatal(err)
			}
			set.File[0] = protodesc.ToFileDescriptorProto(emptyFile(t))
			files, err := protodesc.NewFiles(set)
			if err != nil {
				t.Fatal(err)
			}
			wantBothRules(t, files)
		})
	}
}

func emptyFile(t *testing.T) protoreflect.FileDescriptor {
	t.Helper()
	file, err := protoregistry.GlobalFiles.FindFileByPath("google/protobuf/empty.proto")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestFromProtoRefusesWhatItCannotRead spoils an option, in its bytes or in what
// they say. None may pass for no rule: the default, or Authenticated(), would take
// the place of a stricter one.
func TestFromProtoRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	rule := func(rule *policyv1.Rule) []byte { return inField(optionField, bytesOf(t, rule)) }
	asking := func(asked *policyv1.Authenticated) []byte { return rule(tokenRule(asked)) }
	claim := func(path string, anyOf ...string) []byte {
		return asking(&policyv1.Authenticated{Claims: []*policyv1.Claim{{Path: "fine", AnyOf: []string{"x"}}, {Path: path, AnyOf: anyOf}}})
	}
	age := func(seconds int64, nanos int32) []byte {
		return asking(&policyv1.Authenticated{MaxAge: &durationpb.Duration{Seconds: seconds, Nanos: nanos}})
	}
	tag := func(wire protowire.Type) []byte { return protowire.AppendTag(nil, optionField, wire) }
	newer := func(numbers ...protowire.Number) []byte { // a field that this version doesn't know, that deep
		raw := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)
		for _, number := range numbers {
			raw = inField(number, raw)
		}
		return inField(optionField, raw)
	}
	const noMessage, doesntKnow = "is not a message", "this version of jwtrelay doesn't know"
	for name, test := range map[string]struct {
		option []byte
		says   string
	}{
		"a number":                        {protowire.AppendVarint(tag(protowire.VarintType), 1), noMessage},
		"eight bytes":                     {protowire.AppendFixed64(tag(protowire.Fixed64Type), 1), noMessage},
		"four bytes":                      {protowire.AppendFixed32(tag(protowire.Fixed32Type), 1), noMessage},
		"a group":                         {append(tag(protowire.StartGroupType), tag(protowire.EndGroupType)...), noMessage},
		"a number and a rule":             {append(protowire.AppendVarint(tag(protowire.VarintType), 1), rule(publicRule())...), noMessage},
		"a rule and a number":             {protowire.AppendVarint(append(rule(publicRule()), tag(protowire.VarintType)...), 1), noMessage},
		"a number behind other options":   {protowire.AppendVarint(append(inField(optionField-1, nil), tag(protowire.VarintType)...), 1), noMessage},
		"only a tag":                      {tag(protowire.BytesType), ""},
		"cut":                             {rule(scopesRule("admin"))[:10], ""},
		"cut inside":                      {inField(optionField, bytesOf(t, scopesRule("admin"))[:4]), ""},
		"a group that doesn't end":        {tag(protowire.StartGroupType), ""},
		"garbage behind it":               {append(rule(publicRule()), 0xff), ""},
		"bytes that are not UTF-8":        {inField(optionField, inField(3, inField(1, []byte("\xff")))), "UTF-8"},
		"an empty rule":                   {rule(new(policyv1.Rule)), "none of public, optional and authenticated"},
		"no bytes":                        {inField(optionField, nil), "none of public, optional and authenticated"},
		"newer: Rule":                     {newer(), "jwtrelay.policy.v1.Rule has a field that " + doesntKnow},
		"newer: an access":                {inField(optionField, inField(4, nil)), doesntKnow},
		"newer: an access beside one":     {append(rule(publicRule()), inField(optionField, inField(4, nil))...), doesntKnow},
		"newer: Public":                   {newer(1), "jwtrelay.policy.v1.Public has a field that " + doesntKnow},
		"newer: Optional":                 {newer(2), "jwtrelay.policy.v1.Optional has a field that " + doesntKnow},
		"newer: Authenticated":            {newer(3), "jwtrelay.policy.v1.Authenticated has a field that " + doesntKnow},
		"newer: Claim":                    {newer(3, 3), "jwtrelay.policy.v1.Claim has a field that " + doesntKnow},
		"newer: Duration":                 {newer(5, 3), "google.protobuf.Duration has a field that " + doesntKnow},
		"newer: the second Claim":         {append(claim("a", "x"), newer(3, 3)...), "jwtrelay.policy.v1.Claim has a field that " + doesntKnow},
		"newer: the first Claim":          {append(newer(3, 3), claim("a", "x")...), "jwtrelay.policy.v1.Claim has a field that " + doesntKnow},
		"newer: Claim behind scopes":      {append(rule(scopesRule("a")), newer(3, 3)...), "jwtrelay.policy.v1.Claim has a field that " + doesntKnow},
		"newer: Claim before max_age":     {append(age(60, 0), newer(3, 3)...), "jwtrelay.policy.v1.Claim has a field that " + doesntKnow},
		"all_scopes: empty":               {asking(&policyv1.Authenticated{AllScopes: []string{"a", ""}}), `authenticated.all_scopes: Scopes(""): not a scope`},
		"all_scopes: with a space":        {asking(&policyv1.Authenticated{AllScopes: []string{"a b"}}), `authenticated.all_scopes: Scopes("a b"): not a scope`},
		"all_scopes: with a quote":        {asking(&policyv1.Authenticated{AllScopes: []string{`a"b`}}), `authenticated.all_scopes: Scopes("a\"b"): not a scope`},
		"any_scopes: empty":               {asking(&policyv1.Authenticated{AnyScopes: []string{""}}), `authenticated.any_scopes: AnyScope(""): not a scope`},
		"any_scopes: with a tab":          {asking(&policyv1.Authenticated{AnyScopes: []string{"a\tb"}}), `authenticated.any_scopes: AnyScope("a\tb"): not a scope`},
		"any_scopes: with a letter":       {asking(&policyv1.Authenticated{AnyScopes: []string{"a", "é"}}), `authenticated.any_scopes: AnyScope("é"): not a scope`},
		"claims: empty path":              {claim("", "x"), "a name is empty"},
		"claims: no value":                {claim("tenant"), `authenticated.claims: Claim("tenant"): name the values`},
		"claims: nothing":                 {asking(&policyv1.Authenticated{Claims: []*policyv1.Claim{{}}}), "a name is empty"},
		"claims: trailing dot":            {claim("tenant.", "x"), `"tenant."`},
		"claims: open quote":              {claim(`"tenant`, "x"), "not closed"},
		"issuers: empty":                  {asking(&policyv1.Authenticated{Issuers: []string{"https://a.test", ""}}), `authenticated.issuers: Issuers(""): not an issuer`},
		"two kinds of access":             {append(inField(optionField, bytesOf(t, publicRule())), inField(optionField, bytesOf(t, scopesRule("a")))...), "more than one of"},
		"max_age: zero":                   {age(0, 0), "MaxAge(0s)"},
		"max_age: negative":               {age(-1, 0), "MaxAge(-1s)"},
		"max_age: negative nanoseconds":   {age(0, -1), "MaxAge(-1ns)"},
		"max_age: two signs":              {age(1, -1), "nanos"},
		"max_age: too many nanoseconds":   {age(1, 1e9), "nanos"},
		"max_age: above ten thousand":     {age(315_576_000_001, 0), "+10000 years"},
		"max_age: as much as can be":      {age(math.MaxInt64, 0), "+10000 years"},
		"max_age: as little":              {age(math.MinInt64, 0), "-10000 years"},
		"peers: empty":                    {asking(&policyv1.Authenticated{Peers: []string{"a.test", ""}}), `peers: Peers(""): not a URI`},
		"peers: a pattern":                {asking(&policyv1.Authenticated{Peers: []string{"*.acme.test"}}), `Peers("*.acme.test"): not`},
		"peers: a pattern of URIs":        {asking(&policyv1.Authenticated{Peers: []string{"spiffe://acme/*"}}), `Peers("spiffe://acme/*"): not`},
		"peers: a port":                   {asking(&policyv1.Authenticated{Peers: []string{"a.test:443"}}), `Peers("a.test:443"): not`},
		"peers: a path":                   {asking(&policyv1.Authenticated{Peers: []string{"acme/orders"}}), `Peers("acme/orders"): not`},
		"peers: a space":                  {asking(&policyv1.Authenticated{Peers: []string{"a.test, b.test"}}), `Peers("a.test, b.test"): not`},
		"peers: half a URI":               {asking(&policyv1.Authenticated{Peers: []string{"spiffe:orders"}}), `Peers("spiffe:orders"): not`},
		"an option that nobody has read":  {uninterpreted(t, "jwtrelay.policy.v1.rule"), "uninterpreted"},
		"half an option":                  {inField(999, inField(2, nil)), "uninterpreted"},
		"one that has a part of the name": {uninterpreted(t, "v1.default_rule"), "uninterpreted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, method := range []string{"Cancel", "List"} {
				policy := interceptor.FromProto(protoFiles(t, spoilt(method, test.option)))
				whose := map[string]string{"Cancel": "the rule of acme.v1.Orders.Cancel", "List": "the default rule of acme.v1.Orders"}[method]
				wantMistake(t, w, policy, "acme/v1/orders.proto: "+whose, test.says)
				wantMistake(t, w, interceptor.Rules(policy, interceptor.Authenticated()), whose)
				wantMistake(t, w, interceptor.Rules(policy, interceptor.Public("/acme.v1.Orders/"+method)), whose)
			}
		})
	}
}

// TestFromProtoRefusesWhatHasNoBytes has options that were made in memory, and
// that no compiler could have written.
func TestFromProtoRefusesWhatHasNoBytes(t *testing.T) {
	t.Parallel()
	policy := interceptor.FromProto(protoFiles(t, optionsBy(func(options pb.Message, extension protoreflect.ExtensionType) {
		pb.SetExtension(options, extension, scopesRule("\xff"))
	})))
	wantMistake(t, newWorld(t), policy, "the rule of acme.v1.Orders.Cancel", "the default rule of acme.v1.Orders", "UTF-8")
}

// TestFromProtoRefusesARuleThatSaysTwoThings has two statements of one option, as
// protoc and its generator for Go leave them.
func TestFromProtoRefusesARuleThatSaysTwoThings(t *testing.T) {
	t.Parallel()
	both := &policyv1.Rule{Public: new(policyv1.Public), Authenticated: &policyv1.Authenticated{AllScopes: []string{"admin"}}}
	policy := interceptor.FromProto(protoFiles(t, optionsBy(func(options pb.Message, extension protoreflect.ExtensionType) {
		pb.SetExtension(options, extension, both)
	})))
	wantMistake(t, newWorld(t), policy, "the rule of acme.v1.Orders.Cancel", "more than one of public, optional and authenticated")
}

// TestFromProtoRefusesAnotherOptionOfTheNumber has an option of somebody else's,
// whose bytes would read as a rule.
func TestFromProtoRefusesAnotherOptionOfTheNumber(t *testing.T) {
	t.Parallel()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: pb.String("acme/route.proto"), Package: pb.String("acme"), Dependency: []string{"google/protobuf/descriptor.proto"},
		Extension: []*descriptorpb.FieldDescriptorProto{{
			Name: pb.String("route"), Number: pb.Int32(int32(optionField)), Extendee: pb.String(".google.protobuf.MethodOptions"),
			Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	route := dynamicpb.NewExtensionType(file.Extensions().Get(0))
	policy := interceptor.FromProto(protoFiles(t, optionsBy(func(options pb.Message, _ protoreflect.ExtensionType) {
		if _, ofMethod := options.(*descriptorpb.MethodOptions); ofMethod {
			options.ProtoReflect().Set(route.TypeDescriptor(), protoreflect.ValueOfString("\n\x00"))
		}
	})))
	wantMistake(t, newWorld(t), policy, "the rule of acme.v1.Orders.Cancel", "option acme.route has the number 75190")
}

// TestFromProtoNamesMistakesInTheOrderOfFiles looks at the first of many, which are
// in no order until there is a policy.
func TestFromProtoNamesMistakesInTheOrderOfFiles(t *testing.T) {
	t.Parallel()
	var described []*descriptorpb.FileDescriptorProto
	for _, pkg := range []string{"h", "c", "a", "g", "b", "f", "d", "e"} {
		described = append(described, protoFile(pkg+".proto", pkg, protoService("S", nil, protoMethod("M", scopesRule("")))))
	}
	_, err := interceptor.NewServer(newWorld(t).verifier, interceptor.FromProto(protoFiles(t, described...)))
	if err == nil {
		t.Fatal("there is a server")
	}
	lines := strings.Split(err.Error(), "\n")[1:]
	if len(lines) != len(described) || !slices.IsSorted(lines) {
		t.Errorf("the error is %v", err)
	}
}

// spoilt makes a file with an option of the given bytes: the rule of Cancel, or
// the default, which is for List.
func spoilt(method string, option []byte) *descriptorpb.FileDescriptorProto {
	return optionsBy(func(options pb.Message, extension protoreflect.ExtensionType) {
		_, ofMethod := options.(*descriptorpb.MethodOptions)
		if ofMethod == (method == "Cancel") {
			options.ProtoReflect().SetUnknown(option)
		} else {
			pb.SetExtension(options, extension, publicRule())
		}
	})
}

// uninterpreted returns an option as a parser has it that knows no extensions.
func uninterpreted(t *testing.T, name string) []byte {
	t.Helper()
	return inField(999, bytesOf(t, &descriptorpb.UninterpretedOption{
		Name:           []*descriptorpb.UninterpretedOption_NamePart{{NamePart: &name, IsExtension: pb.Bool(true)}},
		AggregateValue: pb.String("authenticated: {}"),
	}))
}

// TestFromProtoReadsEachDefault has a default that no method needs, and that
// can't be read: the next method would.
func TestFromProtoReadsEachDefault(t *testing.T) {
	t.Parallel()
	file := spoilt("List", inField(optionField, nil))
	pb.SetExtension(file.Service[0].Method[1].Options, policyv1.E_Rule, publicRule())
	file.Service[0].Method = file.Service[0].Method[1:]
	wantMistake(t, newWorld(t), interceptor.FromProto(protoFiles(t, file)), "acme/v1/orders.proto", "acme.v1.Orders")
}
