package interceptor_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestALongPathIsNoWork asks for a path of many dots, for which the registry of
// protos takes quadratic time: it would not end before the test's own limit.
func TestALongPathIsNoWork(t *testing.T) {
	t.Parallel()
	handler := httpHandler(t, newWorld(t).server(t, interceptor.Authenticated()), &httpService{})
	r := httpRequest(t, http.MethodGet, "/", nil)
	r.URL.Path = "/" + strings.Repeat("a.", 8_000_000) + "a/b"
	wantReason(t, answerOf(t, handler, r), token.ReasonMissing)
}

// TestMethodsBelowAnotherPrefix has methods where no MountedAt says they are.
func TestMethodsBelowAnotherPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.server(t, interceptor.Authenticated(unaryCall).With(interceptor.Scopes("admin")))
	for name, test := range map[string]struct {
		target  string
		options []interceptor.HTTPOption
	}{
		"MountedAt is forgotten": {"/api" + unaryCall, []interceptor.HTTPOption{interceptor.PublicPaths("/")}},
		"a second prefix":        {"/api" + unaryCall, []interceptor.HTTPOption{interceptor.PublicPaths("/"), interceptor.MountedAt("/v1")}},
		"the root as well":       {unaryCall, []interceptor.HTTPOption{interceptor.PublicPaths("/"), interceptor.MountedAt("/v1")}},
		"below a subtree":        {"/static" + unaryCall, []interceptor.HTTPOption{interceptor.PublicPaths("/static/")}},
	} {
		methods, next := http.NewServeMux(), &httpService{}
		methods.Handle(unaryCall, next)
		mux := http.NewServeMux()
		mux.Handle("/", methods)
		for _, prefix := range []string{"/api", "/static", "/v1"} {
			mux.Handle(prefix+"/", http.StripPrefix(prefix, methods))
		}
		wantReason(t, answerOf(t, httpHandler(t, server, mux, test.options...), httpRequest(t, http.MethodPost, test.target, nil)), interceptor.ReasonNoPolicy)
		if len(next.seen()) > 0 {
			t.Errorf("%s: served", name)
		}
	}
}

// TestAServiceThatIsNotLinked is served by gRPC behind a public root. PolicyTable
// and Audit say that its methods need a token.
func TestAServiceThatIsNotLinked(t *testing.T) {
	t.Parallel()
	impl, unlinked := &service{}, testpb.TestService_ServiceDesc
	unlinked.ServiceName = "hand.Written"
	grpcServer := grpc.NewServer()
	grpcServer.RegisterService(&unlinked, impl)
	server := serveHTTP2(t, httpHandler(t, newWorld(t).server(t, interceptor.Authenticated()), grpcServer, interceptor.PublicPaths("/")))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/hand.Written/UnaryCall", strings.NewReader("\x00\x00\x00\x00\x00"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/grpc")
	got := exchange(t, server.Client(), r)
	if got.Header.Get("Grpc-Status") != "16" || len(impl.seen()) > 0 {
		t.Errorf("served %d times, %v, %v", len(impl.seen()), got.Header, got.Trailer)
	}
}

// TestMethodsInTwoSpellings are refused however they come, and for unknown services.
func TestMethodsInTwoSpellings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.server(t, interceptor.Rules(interceptor.Authenticated(), interceptor.Authenticated(unaryCall).With(interceptor.Scopes("admin"))))
	handler := httpHandler(t, server, &httpService{})
	raw := w.issuer.Token()
	for _, method := range []string{"/acme%2EOrders/Cancel", unaryCall + "%20", unaryCall + ";a", unaryCall + "?a", unaryCall + "#a", unaryCall + `\a`} {
		wantAnswer(t, server, method, raw, interceptor.ReasonNoPolicy)
		r := httpRequest(t, http.MethodPost, "/", bearing("Bearer "+raw))
		r.URL.Path = method
		wantReason(t, answerOf(t, handler, r), interceptor.ReasonNoPolicy)
	}
}

// TestACallInsideACall has a handler, open to anyone, that makes a call in the
// process, through the interceptors.
func TestACallInsideACall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.server(t, interceptor.Rules(interceptor.Public(unaryCall), interceptor.Authenticated(emptyCall).With(interceptor.Scopes("admin"))))
	var inner error
	outer := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		_, inner = server.UnaryInterceptor(ctx, nil, &grpc.UnaryServerInfo{FullMethod: emptyCall},
			func(context.Context, any) (any, error) { return nil, nil })
		return next(ctx, req)
	}
	client := serve(t, &service{}, append(server.Options(), grpc.ChainUnaryInterceptor(outer))...)()
	wantRefusal(t, callUnary(sending(t), client), codes.OK, "", "")
	wantRefusal(t, inner, codes.Unauthenticated, token.ReasonMissing, "")
}

// nameless is the stream of a bridge that knows no methods, as grpc-gateway's.
type nameless struct{ grpc.ServerTransportStream }

func (nameless) Method() string { return "" }

func TestAStreamWithoutAMethod(t *testing.T) {
	t.Parallel()
	server := newWorld(t).server(t, interceptor.Public(unaryCall))
	ctx := grpc.NewContextWithServerTransportStream(t.Context(), nameless{})
	if err := asUnary(ctx, server, unaryCall); err != nil {
		t.Error(err)
	}
}

// TestAnotherOptionOfTheNumberThatNobodyLinks has its option among the files, and its
// value as bytes that read as a rule.
func TestAnotherOptionOfTheNumberThatNobodyLinks(t *testing.T) {
	t.Parallel()
	acl := ".acme.Acl"
	foreign := &descriptorpb.FileDescriptorProto{
		Name: pb.String("acme/acl.proto"), Package: pb.String("acme"), Dependency: []string{"google/protobuf/descriptor.proto"},
		MessageType: []*descriptorpb.DescriptorProto{{Name: pb.String("Acl"), Field: []*descriptorpb.FieldDescriptorProto{{
			Name: pb.String("internal"), Number: pb.Int32(1), TypeName: &acl,
			Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}}}},
		Extension: []*descriptorpb.FieldDescriptorProto{{
			Name: pb.String("acl"), Number: pb.Int32(int32(optionField)), TypeName: &acl, Extendee: pb.String(".google.protobuf.MethodOptions"),
			Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}},
	}
	method := protoMethod("M", nil)
	method.Options = new(descriptorpb.MethodOptions)
	method.Options.ProtoReflect().SetUnknown(inField(optionField, inField(1, nil))) // (acme.acl).internal = {}
	file := protoFile("a.proto", "a", protoService("S", nil, method))
	file.Dependency = append(file.Dependency, "acme/acl.proto")
	files, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{
		protodesc.ToFileDescriptorProto(emptyFile(t)), protodesc.ToFileDescriptorProto(descriptorpb.File_google_protobuf_descriptor_proto), foreign, file,
	}})
	if err != nil {
		t.Fatal(err)
	}
	wantMistake(t, newWorld(t), interceptor.FromProto(files), "option acme.acl has the number 75190")
}

// TestServletsPathParameters has dot segments as servlets spell them.
func TestServletsPathParameters(t *testing.T) {
	t.Parallel()
	handler := httpHandler(t, newWorld(t).server(t, interceptor.Authenticated()), &httpService{}, interceptor.PublicPaths("/static/"))
	for _, target := range []string{"/static/..;/files/x", "/static/.;a/x", "/static/;/x"} {
		wantReason(t, answerOf(t, handler, httpRequest(t, http.MethodGet, target, nil)), interceptor.ReasonNoPolicy)
	}
}

func TestMountedAtOnce(t *testing.T) {
	t.Parallel()
	server := newWorld(t).server(t, interceptor.Authenticated())
	if _, err := server.HTTPHandler(&httpService{}, interceptor.MountedAt("/a"), interceptor.MountedAt("/b")); err == nil {
		t.Error("the second takes the place of the first")
	}
}

// TestALogDoesNotShowAnotherMethod asks for a path that is a method's but for a
// control character.
func TestALogDoesNotShowAnotherMethod(t *testing.T) {
	t.Parallel()
	var seen recorder
	handler := httpHandler(t, newWorld(t).server(t, interceptor.Public(unaryCall), interceptor.WithObserver(&seen)), &httpService{})
	answerOf(t, handler, httpRequest(t, http.MethodPost, unaryCall+"%07", nil))
	if got := seen.decisions[0].Method; got == unaryCall {
		t.Errorf("the observer is told that %s has no rule", got)
	}
}
