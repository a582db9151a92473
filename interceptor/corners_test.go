package interceptor_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	policyv1 "github.com/jwtrelay/jwtrelay/proto/jwtrelay/policy/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestPublicRootOpensNoMethodOfThePolicy has services that are not linked: one that
// only code names, one in files, without any rule.
func TestPublicRootOpensNoMethodOfThePolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unruled := protoFiles(t, protoFile("a.proto", "a", protoService("Unruled", nil, protoMethod("M", nil))))
	handler := httpHandler(t, w.server(t, interceptor.Rules(interceptor.FromProto(unruled), interceptor.Authenticated("/in.Code/M"))),
		&httpService{}, interceptor.PublicPaths("/"))
	for target, want := range map[string]token.Reason{
		"/a.Unruled/M":     interceptor.ReasonNoPolicy,
		"/a.Unruled/Other": interceptor.ReasonNoPolicy,
		"/a.Unruled/%4d":   interceptor.ReasonNoPolicy,
		"/in.Code/M":       token.ReasonMissing,
		"/in.Code/Other":   interceptor.ReasonNoPolicy,
		"/in.Code/%4d":     interceptor.ReasonNoPolicy,
		"/in.Code/M/":      interceptor.ReasonNoPolicy,
		"/a.Unrule/M":      "", // nobody's
		// A message is no service.
		"/grpc.testing.Empty/x": "",
	} {
		wantReason(t, answerOf(t, handler, httpRequest(t, http.MethodPost, target, nil)), want)
	}
}

// TestPatternsAreNoPaths, nor are methods.
func TestPatternsAreNoPaths(t *testing.T) {
	t.Parallel()
	server := newWorld(t).server(t, interceptor.Authenticated())
	for _, path := range []string{"/{x}", "/a/*", "/a?b", "/a#b", "/a}", unaryCall, "/grpc.testing.TestService/"} {
		if _, err := server.HTTPHandler(&httpService{}, interceptor.PublicPaths(path)); err == nil {
			t.Errorf("%s is a path", path)
		}
	}
}

// TestTheObserverIsToldTheMethod, without the prefix, and other paths whole.
func TestTheObserverIsToldTheMethod(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/api" + unaryCall:                   unaryCall,
		"/api/a/b":                           "/a/b",
		"/api/static/x":                      "/api/static/x",
		"/other" + unaryCall:                 "/other" + unaryCall,
		"/api/a/" + strings.Repeat("b", 500): ("/a/" + strings.Repeat("b", 500))[:256],
	} {
		var seen recorder
		handler := httpHandler(t, newWorld(t).server(t, interceptor.Authenticated(), interceptor.WithObserver(&seen)), &httpService{},
			interceptor.MountedAt("/api"), interceptor.PublicPaths("/api/static/"))
		answerOf(t, handler, httpRequest(t, http.MethodPost, target, nil))
		if got := seen.decisions[0].Method; got != want {
			t.Errorf("%s: the observer is told %s, want %s", target, got, want)
		}
	}
}

// TestWhoseRefusalIsACalls has the same two segments as an unknown method and as a
// path: a gRPC client must hear of the first in its protocol, and nobody may take
// the second for let in.
func TestWhoseRefusalIsACalls(t *testing.T) {
	t.Parallel()
	server := newWorld(t).server(t, interceptor.Authenticated())
	connect := http.Header{"Content-Type": {"application/connect+json"}}
	asMethod := answerOf(t, httpHandler(t, server, &httpService{}), httpRequest(t, http.MethodPost, "/a/b", connect.Clone()))
	asPath := answerOf(t, httpHandler(t, server, &httpService{}, interceptor.AuthenticatedPaths("/a/")), httpRequest(t, http.MethodPost, "/a/b", connect.Clone()))
	if asMethod.StatusCode != http.StatusOK || asPath.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d as a method, %d as a path", asMethod.StatusCode, asPath.StatusCode)
	}
}

// TestARequestWithoutHeaders is one that code made.
func TestARequestWithoutHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handler := httpHandler(t, w.server(t, interceptor.Optional(unaryCall)), &httpService{})
	r := httpRequest(t, http.MethodPost, unaryCall, nil)
	r.Header = nil
	// The context is another call's, with a token in it that is not this request's.
	r = r.WithContext(carrying(t.Context(), "a.b.c"))
	wantReason(t, answerOf(t, handler, r), "")
}

// TestHTTP2KeepsItsConnection: closing it would end other requests.
func TestHTTP2KeepsItsConnection(t *testing.T) {
	t.Parallel()
	handler := httpHandler(t, newWorld(t).server(t, interceptor.Authenticated()), &httpService{})
	r := httpRequest(t, http.MethodPost, unaryCall, http.Header{})
	r.ProtoMajor, r.ProtoMinor, r.ContentLength = 2, 0, -1
	if got := answerOf(t, handler, r); got.Header.Get("Connection") != "" {
		t.Error("an HTTP/2 connection is to be closed")
	}
}

// TestRequireSeesTheHeadersOfARequest by HTTP, all values, but those stripped.
func TestRequireSeesTheHeadersOfARequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var seen grpcmd.MD
	look := func(ctx context.Context, _ *token.Token) error {
		seen, _ = grpcmd.FromIncomingContext(ctx)
		return nil
	}
	server := w.server(t, interceptor.Authenticated().With(interceptor.Require(look)), interceptor.StripHeaders("x-user"))
	header := bearing("Bearer " + w.issuer.Token())
	header["X-Tenant"], header["X-User"] = []string{"a", "b"}, []string{"root"}
	wantReason(t, answerOf(t, httpHandler(t, server, &httpService{}), httpRequest(t, http.MethodPost, unaryCall, header)), "")
	if !slices.Equal(seen.Get("x-tenant"), []string{"a", "b"}) || len(seen.Get("x-user")) > 0 {
		t.Errorf("the function sees %v", seen)
	}
	if _, lower := seen["x-tenant"]; !lower {
		t.Errorf("keys are not as gRPC has them: %v", seen)
	}
}

// TestAForeignOptionBehindAnother has another option that is looked at first.
func TestAForeignOptionBehindAnother(t *testing.T) {
	t.Parallel()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: pb.String("acme/route2.proto"), Package: pb.String("acme"), Dependency: []string{"google/protobuf/descriptor.proto"},
		Extension: []*descriptorpb.FieldDescriptorProto{{
			Name: pb.String("route2"), Number: pb.Int32(int32(optionField)), Extendee: pb.String(".google.protobuf.MethodOptions"),
			Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	route := dynamicpb.NewExtensionType(file.Extensions().Get(0)).TypeDescriptor()
	policy := interceptor.FromProto(protoFiles(t, optionsBy(func(options pb.Message, _ protoreflect.ExtensionType) {
		if method, ok := options.(*descriptorpb.MethodOptions); ok {
			method.Deprecated = pb.Bool(true)
			method.ProtoReflect().Set(route, protoreflect.ValueOfString("\n\x00"))
		}
	})))
	wantMistake(t, newWorld(t), policy, "option acme.route2 has the number 75190")
}

// bare is a method or a service whose descriptor shows no options at all.
type (
	bareFile     struct{ protoreflect.FileDescriptor }
	bareServices struct {
		protoreflect.ServiceDescriptors
	}
	bareService struct{ protoreflect.ServiceDescriptor }
)

func (f bareFile) Services() protoreflect.ServiceDescriptors {
	return bareServices{f.FileDescriptor.Services()}
}
func (s bareServices) Get(i int) protoreflect.ServiceDescriptor {
	return bareService{s.ServiceDescriptors.Get(i)}
}
func (bareService) Options() protoreflect.ProtoMessage { return nil }

// TestOptionsThatAreNotThere are no options without a rule.
func TestOptionsThatAreNotThere(t *testing.T) {
	t.Parallel()
	file, err := protodesc.NewFile(protoFile("a.proto", "a", protoService("S", scopesRule("admin"), protoMethod("M", nil))), protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	files := new(protoregistry.Files)
	if err := files.RegisterFile(bareFile{file}); err != nil {
		t.Fatal(err)
	}
	wantMistake(t, newWorld(t), interceptor.Rules(interceptor.FromProto(files), interceptor.Authenticated()), "the default rule of a.S", "can't be read")
}

// TestARuleInPieces, and one with garbage behind what can be read.
func TestARuleInPieces(t *testing.T) {
	t.Parallel()
	duration := func(d *durationpb.Duration) []byte {
		return inField(optionField, inField(3, inField(5, bytesOf(t, d))))
	}
	table := func(option []byte) (string, error) {
		files := protoFiles(t, spoilt("Cancel", option))
		services := serviceInfos{"acme.v1.Orders": {Methods: []grpc.MethodInfo{{Name: "Cancel"}}}}
		return interceptor.PolicyTable(interceptor.FromProto(files), services)
	}
	for name, test := range map[string]struct {
		option []byte
		who    string
	}{
		"max_age": {slices.Concat(duration(&durationpb.Duration{Seconds: 60}), duration(&durationpb.Duration{Nanos: 5e8})), "issued within 1m0.5s"},
		"the path of a claim": {inField(optionField, inField(3, inField(3, slices.Concat(
			inField(1, []byte("a")), inField(2, []byte("x")), inField(1, []byte("b")), inField(2, []byte("y")))))), `claim b is "x" or "y"`},
	} {
		if got, err := table(test.option); err != nil || !strings.Contains(got, test.who+"\n") {
			t.Errorf("%s: got %s%v", name, got, err)
		}
	}
	admin := bytesOf(t, &policyv1.Authenticated{AllScopes: []string{"admin"}})
	cut := protowire.AppendTag(nil, 6, protowire.BytesType) // peers, and no length
	for name, option := range map[string][]byte{
		"behind public":        inField(optionField, append(bytesOf(t, publicRule()), 0xff)),
		"behind authenticated": inField(optionField, append(inField(3, admin), 0xff)),
		"peers cut off":        inField(optionField, inField(3, slices.Concat(admin, cut))),
		"a number for public":  inField(optionField, protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)),
		"a number for scopes":  inField(optionField, inField(3, slices.Concat(admin, protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)))),
		"a claim cut off":      inField(optionField, inField(3, inField(3, slices.Concat(inField(1, []byte("a")), inField(2, []byte("x")), cut)))),
	} {
		if got, err := table(option); err == nil {
			t.Errorf("%s: read as %s", name, got)
		}
	}
}

// serviceInfos are services as a server lists them.
type serviceInfos map[string]grpc.ServiceInfo

func (s serviceInfos) GetServiceInfo() map[string]grpc.ServiceInfo { return s }

// TestFromProtoOfNoFiles takes an empty list for none, as of a config that is read.
func TestFromProtoOfNoFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wantAnswer(t, w.server(t, interceptor.FromProto([]*protoregistry.Files{}...)), "/"+string(linked.Services().Get(0).FullName())+"/Ping", "", "")
}

// TestAuditFindsDefaultRulesThatAreNotInThePolicy, also where the policy has no rule
// at all, and where the proto can't be read.
func TestAuditFindsDefaultRulesThatAreNotInThePolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	services, err := interceptor.Services(string(linked.Services().Get(0).FullName()))
	if err != nil {
		t.Fatal(err)
	}
	const list, ping = "/jwtrelay.test.linked.Linked/List", "/jwtrelay.test.linked.Linked/Ping"
	for name, test := range map[string]struct {
		policy     interceptor.Policy
		says, hush []string
	}{
		"a rule for all":   {interceptor.Authenticated(), []string{"other rules than the protos for " + list + ", " + ping}, nil},
		"the same for all": {interceptor.Authenticated().With(interceptor.Scopes("linked")), []string{"other rules than the protos for " + ping}, []string{list}},
		"no rule":          {interceptor.Public(unaryCall), []string{"other rules than the protos for " + list + ", " + ping}, []string{"no rule for " + list}},
		"FromProto, of others": {
			interceptor.Rules(interceptor.FromProto(new(protoregistry.Files)), interceptor.Authenticated()),
			[]string{"no descriptor of"}, []string{"add interceptor.FromProto():"},
		},
	} {
		server := w.server(t, test.policy)
		_ = server.Options()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantFindings(t, server.Audit(services), test.says, test.hush)
		})
	}
}

func TestAuditOfARuleForAllThatNobodyMeets(t *testing.T) {
	t.Parallel()
	wantFindings(t, audited(t, newWorld(t), interceptor.Authenticated().With(interceptor.Issuers("https://x"))),
		[]string{"nobody can call " + unaryCall + ": it asks for issuer https://x"}, nil)
}

// TestHideHopsOfSeveral has two refusals in one status, and something that is none.
func TestHideHopsOfSeveral(t *testing.T) {
	t.Parallel()
	edge := newWorld(t).server(t, interceptor.Public(unaryCall), interceptor.HideHops())
	info := func(hop string) *errdetails.ErrorInfo {
		return &errdetails.ErrorInfo{Domain: interceptor.Domain, Reason: "R", Metadata: map[string]string{"hop": hop}}
	}
	several, err := status.New(codes.Internal, "x").WithDetails(info("B"), info("C"))
	if err != nil {
		t.Fatal(err)
	}
	_, got := edge.UnaryInterceptor(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: unaryCall},
		func(context.Context, any) (any, error) { return nil, several.Err() })
	for _, detail := range status.Convert(got).Details() {
		if hop := detail.(*errdetails.ErrorInfo).GetMetadata()["hop"]; hop != "" { //nolint:errcheck // a test
			t.Errorf("%s is named", hop)
		}
	}
	var line bytes.Buffer
	slog.New(slog.NewTextHandler(&line, nil)).Info("x", "err", got)
	if !errors.Is(got, several.Err()) || !strings.Contains(line.String(), several.Err().Error()) {
		t.Errorf("got %v, %s", got, line.String())
	}
}

// TestOptionalFingerprint: nobody's token has none.
func TestLetInWithoutLookingAtTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var seen recorder
	server := w.server(t, interceptor.Public(unaryCall), interceptor.WithObserver(&seen))
	wantAnswer(t, server, unaryCall, w.issuer.Token(), "")
	if got := seen.decisions[0].Fingerprint; got != "" {
		t.Errorf("the observer is told the fingerprint %s of a token that nobody looked at", got)
	}
}

// TestShadowTellsHowLong to who only reports.
func TestShadowTellsHowLong(t *testing.T) {
	t.Parallel()
	var report recorder
	server := newWorld(t).server(t, interceptor.Authenticated(), interceptor.Shadow(&report))
	wantAnswer(t, server, unaryCall, "", "")
	if took := report.decisions[0].Duration; took < 0 || took > time.Hour {
		t.Errorf("it took %v", took)
	}
}

// TestClaimsThatAreWords are for Scopes and AnyScope.
func TestClaimsThatAreWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, ok := range map[string]bool{"scope": false, "scp": false, `"scope"`: false, `"scp"`: false, "scope.x": true, "x.scp": true} {
		if _, err := interceptor.NewServer(w.verifier, interceptor.Authenticated().With(interceptor.Claim(path, "a"))); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// limits has a method that is a requirement.
type limits struct{}

func (limits) Within(context.Context, *token.Token) error { return nil }

// TestNamesOfFunctions in the table.
func TestNamesOfFunctions(t *testing.T) {
	t.Parallel()
	closure := func(context.Context, *token.Token) error { return nil }
	for want, r := range map[string]interceptor.Requirement{
		"interceptor_test.limits.Within": interceptor.Require(limits{}.Within),
		"a function":                     interceptor.Require(closure),
		"not suspended":                  interceptor.Require(closure).Named("not suspended"),
	} {
		got, err := interceptor.PolicyTable(interceptor.Authenticated().With(r), serviceInfos{})
		if err != nil {
			t.Fatal(err)
		}
		wantTable(t, got, "any other method -> a valid token; "+want+"\n")
	}
	_, err := interceptor.PolicyTable(interceptor.Authenticated().With(interceptor.Scopes("a b").Named("")), serviceInfos{})
	if err == nil || !strings.Contains(err.Error(), "Scopes") {
		t.Errorf("Named hides the first mistake: %v", err)
	}
	for _, url := range []string{"", "https://a\nb", "https://a\x1b"} {
		if _, err := interceptor.PolicyTable(interceptor.Authenticated().With(interceptor.Issuers(url)), serviceInfos{}); err == nil {
			t.Errorf("%q is an issuer", url)
		}
	}
}

// TestWhatIsBelievedOfAStranger: lengths and characters of each text.
func TestWhatIsBelievedOfAStranger(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é\n", 5000)
	s, err := status.New(codes.PermissionDenied, long).WithDetails(&errdetails.ErrorInfo{
		Domain: interceptor.Domain, Reason: "x" + long, Metadata: map[string]string{"hop": "x" + long, "scope": "x" + long},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := interceptor.RefusalFrom(s.Err())
	for what, text := range map[string]string{"reason": string(r.Reason), "hop": r.Hop, "scope": r.Scope, "message": r.Message} {
		if text == "" || len(text) > 4<<10 || strings.ContainsAny(text, "\n\uFFFD") {
			t.Errorf("%s has %d bytes: %.20q", what, len(text), text)
		}
	}
}

// TestPathRulesAreImmutable, whatever becomes of what they were made of.
func TestPathRulesAreImmutable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	publicly, privately := []string{"/a", "/b"}, []string{"/c"}
	open, closed := interceptor.PublicPaths(publicly...), interceptor.AuthenticatedPaths(privately...)
	publicly[0], privately[0] = "/secret", "/x"
	base := closed.With(interceptor.Scopes("a")).With(interceptor.Scopes("b")).With(interceptor.Scopes("c")) // room in its slice
	strict := base.With(interceptor.Scopes("admin"))
	_ = base.With(interceptor.Scopes("read"))
	handler := httpHandler(t, w.server(t, interceptor.Public(unaryCall)), &httpService{}, open, strict)
	wantReason(t, answerOf(t, handler, httpRequest(t, http.MethodGet, "/secret", nil)), interceptor.ReasonNoPolicy)
	for scopes, want := range map[string]token.Reason{"a b c read": interceptor.ReasonScopeInsufficient, "a b c admin": ""} {
		header := bearing("Bearer " + w.issuer.Token(jwttest.Scopes(strings.Fields(scopes)...)))
		wantReason(t, answerOf(t, handler, httpRequest(t, http.MethodGet, "/c", header)), want)
	}
}

// TestAuditOfHealthUnderFromProto suggests no option in a file that is not the team's.
func TestAuditOfHealthUnderFromProto(t *testing.T) {
	t.Parallel()
	wantFindings(t, audited(t, newWorld(t), interceptor.Rules(interceptor.FromProto(), interceptor.Authenticated(methodsOfTestService()...))),
		[]string{"interceptor.Public(interceptor.HealthMethods()...)"}, []string{"health.proto"})
}

// TestAuditOfAProtoThatCannotBeRead, in a program of its own: other tests read all
// that is linked.
func TestAuditOfAProtoThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const alone = "JWTRELAY_TEST_ALONE"
	if os.Getenv(alone) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$") //nolint:gosec // this very program
		cmd.Env = append(os.Environ(), alone+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	method := protoMethod("M", nil)
	method.Options = new(descriptorpb.MethodOptions)
	method.Options.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, optionField, protowire.VarintType), 1))
	file, err := protodesc.NewFile(protoFile("broken.proto", "broken", protoService("S", tokenRule(new(policyv1.Authenticated)), method)), protoregistry.GlobalFiles)
	if err == nil {
		err = protoregistry.GlobalFiles.RegisterFile(file)
	}
	if err != nil {
		t.Fatal(err)
	}
	services, err := interceptor.Services("broken.S")
	if err != nil {
		t.Fatal(err)
	}
	server := newWorld(t).server(t, interceptor.Authenticated())
	_ = server.Options()
	wantFindings(t, server.Audit(services), []string{"other rules than the protos for /broken.S/M"}, nil)
}

// TestLogRefusalsOfWhatGoesOut logs nothing.
func TestLogRefusalsOfWhatGoesOut(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	logged := interceptor.WithObserver(interceptor.LogRefusals(slog.New(slog.NewTextHandler(&lines, nil))))
	if err := callUnary(sending(t), serve(t, &service{})(newClient(t, logged).DialOptions()...)); err != nil || lines.Len() > 0 {
		t.Errorf("%v, and the log has %s", err, lines.String())
	}
}

// TestDetailsThatAreNotOurs are not told as if they were.
func TestDetailsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unsure := interceptor.Require(func(context.Context, *token.Token) error { return context.DeadlineExceeded })
	handler := httpHandler(t, w.server(t, interceptor.Authenticated().With(unsure)), &httpService{})
	got := answerOf(t, handler, httpRequest(t, http.MethodPost, unaryCall, bearing("Bearer "+w.issuer.Token())))
	wantReason(t, got, interceptor.ReasonPolicyUnavailable)
	if strings.Contains(got.text, `"reason":""`) {
		t.Errorf("the answer is %s", got.text)
	}
}
