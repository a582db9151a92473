package interceptor_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
)

// TestSpellingsBelowAPublicPath has a page at the root, or at the prefix, and the
// methods below it. A handler decodes the path of a request, and takes an odd
// spelling for the method.
func TestSpellingsBelowAPublicPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	policy := interceptor.Rules(interceptor.Authenticated(unaryCall).With(interceptor.Scopes("admin")), interceptor.Authenticated())
	withoutScope := http.Header{"Authorization": {"Bearer " + w.issuer.Token()}}
	for _, mounted := range []string{"", "/api"} {
		options := []interceptor.HTTPOption{interceptor.PublicPaths(mounted + "/"), interceptor.AuthenticatedPaths(mounted + "/me/")}
		if mounted != "" {
			options = append(options, interceptor.MountedAt(mounted))
		}
		next := &httpService{}
		handler := httpHandler(t, w.server(t, policy), next, options...)
		for _, spelling := range []string{
			unaryCall,
			"/grpc.testing.TestService/%55naryCall",
			"/grpc.testing.TestService/Unary%43all",
			"/%67rpc.testing.TestService/UnaryCall",
			"/grpc%2Etesting.TestService/UnaryCall",
			"/grpc.testing.TestService%2FUnaryCall",
			"/grpc.testing.TestService/UnaryCall/",
			"/grpc.testing.TestService/UnaryCall/x",
			"/grpc.testing.TestService/UnaryCall%20",
			"/grpc.testing.TestService/UnaryCall;a",
			"/grpc.testing.TestService/",
			"/grpc.testing.TestService",
			"/grpc.health.v1.Health/Check",
		} {
			for _, header := range []http.Header{{}, withoutScope} {
				if spelling == "/grpc.health.v1.Health/Check" && len(header) > 0 {
					continue // any token will do
				}
				answer := answerOf(t, handler, httpRequest(t, http.MethodPost, mounted+spelling, header))
				if spelling == "/grpc.testing.TestService/UnaryCall;a" && len(header) > 0 {
					continue // a method that nobody has: any token will do
				}
				if answer.StatusCode == http.StatusOK {
					t.Errorf("%s%s with %d headers: status %d", mounted, spelling, len(header), answer.StatusCode)
				}
			}
		}
	}
}

// TestOnlyCallsAreRefusedBy200 asks for what is no call in a caller's protocol. A
// proxy that looks at the status takes 200 for being let in.
func TestOnlyCallsAreRefusedBy200(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handler := httpHandler(t, w.server(t, interceptor.Authenticated()), &httpService{}, interceptor.AuthenticatedPaths("/auth"))
	for _, contentType := range []string{"application/grpc", "application/grpc-web-text", "application/connect+json"} {
		header := http.Header{"Content-Type": {contentType}}
		for what, request := range map[string]*http.Request{
			"a path that is no method": httpRequest(t, http.MethodPost, "/auth", header.Clone()),
			"a path without a rule":    httpRequest(t, http.MethodPost, "/nobody", header.Clone()),
			"a method by GET":          httpRequest(t, http.MethodGet, unaryCall, header.Clone()),
		} {
			if got := answerOf(t, handler, request); got.StatusCode < 400 {
				t.Errorf("%s, %s: status %d", contentType, what, got.StatusCode)
			}
		}
		if got := answerOf(t, handler, httpRequest(t, http.MethodPost, unaryCall, header.Clone())); got.StatusCode != http.StatusOK {
			t.Errorf("%s, a call: status %d", contentType, got.StatusCode)
		}
	}
}

// TestStripHeadersTakesTrailers sends an identity header behind the body.
func TestStripHeadersTakesTrailers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var seen string
	handler := httpHandler(t, w.server(t, interceptor.Public(unaryCall), interceptor.StripHeaders("x-user-id", "x-user-bin")),
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			seen = r.Trailer.Get("X-User-Id") + r.Header.Get("X-User-Bin")
		}))
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+unaryCall, io.NopCloser(strings.NewReader("x")))
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = -1
	request.Trailer = http.Header{"X-User-Id": {"root"}}
	request.Header.Set("X-User-Bin", "cm9vdA")
	answer, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if seen != "" {
		t.Errorf("the handler sees %q", seen)
	}
}

// TestASecondNameOfAService registers one service under two names. Generated code
// says the first in either case; the rule is that of the method that is called.
func TestASecondNameOfAService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	impl := &service{}
	second := testpb.TestService_ServiceDesc
	second.ServiceName = "acme.admin.TestService"
	server := w.server(t, interceptor.Rules(
		interceptor.Public(unaryCall),
		interceptor.Authenticated("/acme.admin.TestService/UnaryCall").With(interceptor.Scopes("admin")),
	))
	grpcServer := grpc.NewServer(server.Options()...)
	testpb.RegisterTestServiceServer(grpcServer, impl)
	grpcServer.RegisterService(&second, impl)
	conn := dial(t, serveInMemory(t, grpcServer))
	call := func(method string, values ...string) error {
		return conn.Invoke(sending(t, values...), method, new(testpb.SimpleRequest), new(testpb.SimpleResponse))
	}
	wantRefusal(t, call(unaryCall), codes.OK, "", "")
	wantRefusal(t, call("/acme.admin.TestService/UnaryCall", "Bearer "+w.issuer.Token()), codes.PermissionDenied, interceptor.ReasonScopeInsufficient, "")
	wantRefusal(t, call("/acme.admin.TestService/UnaryCall", "Bearer "+w.issuer.Token(jwttest.Scopes("admin"))), codes.OK, "", "")
	if n := len(impl.seen()); n != 2 {
		t.Errorf("the handler ran %d times, want twice", n)
	}
}

// TestShadowRefusesNoHeaders sends more headers than a server takes that refuses.
func TestShadowRefusesNoHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var report recorder
	client := serve(t, &service{}, w.server(t, interceptor.Authenticated(), interceptor.Shadow(&report)).Options()...)()
	wantRefusal(t, callUnary(sending(t, "Bearer "+strings.Repeat("a", 45<<10)), client), codes.OK, "", "")
	if len(report.decisions) != 1 {
		t.Errorf("%d reports", len(report.decisions))
	}
}

// TestWhatStrangersWriteIsFitForALog has control characters where names are.
func TestWhatStrangersWriteIsFitForALog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var seen recorder
	handler := httpHandler(t, w.server(t, interceptor.Authenticated(), interceptor.WithObserver(&seen)), &httpService{})
	answerOf(t, handler, httpRequest(t, http.MethodGet, "/a/b%0atime=now%1b[2J", nil))
	if got := seen.decisions[0].Method; strings.ContainsAny(got, "\n\x1b") {
		t.Errorf("the observer is told %q", got)
	}
	refusal, _ := interceptor.RefusalFrom(with(t, codes.PermissionDenied, interceptor.Domain, "A\nB\x1b[2J"+strings.Repeat("x", 1000)))
	if strings.ContainsAny(string(refusal.Reason), "\n\x1b") || len(refusal.Reason) > 256 {
		t.Errorf("the reason is %q", refusal.Reason)
	}
}
