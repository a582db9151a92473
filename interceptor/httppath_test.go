package interceptor_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	policyv1 "github.com/jwtrelay/jwtrelay/proto/jwtrelay/policy/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestHTTPRules has which rule is that of a path. Requests carry no token, so
// that a path is let in only if its rule is public.
func TestHTTPRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	publicMethod := interceptor.Public(unaryCall)
	rest := interceptor.Rules(publicMethod, interceptor.Authenticated())
	api := interceptor.MountedAt("/api")
	const missing, noPolicy = token.ReasonMissing, interceptor.ReasonNoPolicy
	for name, test := range map[string]struct {
		policy  interceptor.Policy
		options []interceptor.HTTPOption
		path    string
		want    token.Reason
	}{
		"a method":                             {publicMethod, nil, unaryCall, ""},
		"a method without a rule":              {publicMethod, nil, emptyCall, noPolicy},
		"a method under the rule for all":      {rest, nil, emptyCall, missing},
		"what may be a method":                 {rest, nil, "/a/b", missing},
		"no method":                            {rest, nil, "/healthz", noPolicy},
		"the root":                             {rest, nil, "/", noPolicy},
		"mounted":                              {publicMethod, []interceptor.HTTPOption{api}, "/api" + unaryCall, ""},
		"mounted, and asked for at the root":   {rest, []interceptor.HTTPOption{api}, unaryCall, noPolicy},
		"mounted, twice the prefix":            {rest, []interceptor.HTTPOption{api}, "/api/api" + unaryCall, noPolicy},
		"mounted, beside the prefix":           {rest, []interceptor.HTTPOption{api}, "/api2" + unaryCall, noPolicy},
		"mounted, the slash lacking":           {rest, []interceptor.HTTPOption{api}, "/api" + unaryCall[1:], noPolicy},
		"mounted, the prefix in upper case":    {rest, []interceptor.HTTPOption{api}, "/API" + unaryCall, noPolicy},
		"mounted deep":                         {publicMethod, []interceptor.HTTPOption{interceptor.MountedAt("/a/b")}, "/a/b" + unaryCall, ""},
		"mounted, other paths are whole":       {rest, []interceptor.HTTPOption{api, interceptor.PublicPaths("/healthz")}, "/healthz", ""},
		"mounted, other paths aren't under it": {rest, []interceptor.HTTPOption{api, interceptor.PublicPaths("/healthz")}, "/api/healthz", noPolicy},
		"a public path":                        {rest, []interceptor.HTTPOption{interceptor.PublicPaths("/healthz")}, "/healthz", ""},
		"a public path and a slash":            {rest, []interceptor.HTTPOption{interceptor.PublicPaths("/healthz")}, "/healthz/", noPolicy},
		"below a public path":                  {rest, []interceptor.HTTPOption{interceptor.PublicPaths("/healthz")}, "/healthz/x", missing}, // a method's name
		"deep below a public path":             {rest, []interceptor.HTTPOption{interceptor.PublicPaths("/healthz")}, "/healthz/x/y", noPolicy},
		"a public path with more":              {rest, []interceptor.HTTPOption{interceptor.PublicPaths("/healthz")}, "/healthzz", noPolicy},
		"a public path in upper case":          {rest, []interceptor.HTTPOption{interceptor.PublicPaths("/healthz")}, "/Healthz", noPolicy},
		"an authenticated path":                {publicMethod, []interceptor.HTTPOption{interceptor.AuthenticatedPaths("/me")}, "/me", missing},
		"a subtree itself":                     {publicMethod, []interceptor.HTTPOption{interceptor.PublicPaths("/static/")}, "/static/", ""},
		"below a subtree":                      {publicMethod, []interceptor.HTTPOption{interceptor.PublicPaths("/static/")}, "/static/a/b/c.js", ""},
		"a subtree without its slash":          {publicMethod, []interceptor.HTTPOption{interceptor.PublicPaths("/static/")}, "/static", noPolicy},
		"beside a subtree":                     {publicMethod, []interceptor.HTTPOption{interceptor.PublicPaths("/static/")}, "/statics/a/b", noPolicy},
		"the longest counts, authenticated":    {publicMethod, []interceptor.HTTPOption{interceptor.PublicPaths("/a/"), interceptor.AuthenticatedPaths("/a/b/")}, "/a/b/c/d", missing},
		"the longest counts, public":           {publicMethod, []interceptor.HTTPOption{interceptor.PublicPaths("/a/b/"), interceptor.AuthenticatedPaths("/a/")}, "/a/b/c/d", ""},
		"exact before subtree":                 {publicMethod, []interceptor.HTTPOption{interceptor.PublicPaths("/a/"), interceptor.AuthenticatedPaths("/a/b")}, "/a/b", missing},
		"everything public":                    {interceptor.Authenticated(emptyCall), []interceptor.HTTPOption{interceptor.PublicPaths("/")}, "/a/b", ""},
		"everything but a method's own rule":   {interceptor.Authenticated(emptyCall), []interceptor.HTTPOption{interceptor.PublicPaths("/")}, emptyCall, missing},
		"a method's own rule, public":          {publicMethod, []interceptor.HTTPOption{interceptor.AuthenticatedPaths("/")}, unaryCall, ""},
		"the root opens no method":             {rest, []interceptor.HTTPOption{interceptor.PublicPaths("/")}, emptyCall, missing},
		"nor one without a rule":               {publicMethod, []interceptor.HTTPOption{interceptor.PublicPaths("/")}, emptyCall, noPolicy},
		"nor of a service that is only linked": {publicMethod, []interceptor.HTTPOption{interceptor.PublicPaths("/")}, "/grpc.health.v1.Health/Check", noPolicy},
		"nor of one that is only in files":     {interceptor.FromProto(protoFiles(t, protoFile("acme/v1/orders.proto", "acme.v1", protoService("Orders", tokenRule(new(policyv1.Authenticated)), protoMethod("List", nil))))), []interceptor.HTTPOption{interceptor.PublicPaths("/")}, "/acme.v1.Orders/Nobody", noPolicy},
		"a subtree before the rule for all":    {rest, []interceptor.HTTPOption{interceptor.PublicPaths("/static/")}, "/static/app.js", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := &httpService{}
			handler := httpHandler(t, w.server(t, test.policy), next, test.options...)
			wantReason(t, answerOf(t, handler, httpRequest(t, http.MethodGet, test.path, nil)), test.want)
			wantSeen(t, next, test.want == "", "")
		})
	}
}

// TestOddlySpeltPaths writes paths that a careless match could take for one that
// is public, or that a handler could. None reaches the handler.
func TestOddlySpeltPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	policy := interceptor.Rules(interceptor.Public(unaryCall), interceptor.Authenticated())
	for _, target := range []string{
		"/grpc.testing.TestService/UnaryCall/",
		"//grpc.testing.TestService/UnaryCall",
		"/grpc.testing.TestService//UnaryCall",
		"/grpc.testing.testservice/UnaryCall",
		"/grpc.testing.TestService/unarycall",
		"/grpc.testing.TestService/%55naryCall",
		"/grpc.testing.TestService%2FUnaryCall",
		"/grpc.testing.TestService%2fUnaryCall",
		"/grpc.testing.TestService/UnaryCall%3Fx",
		"/grpc.testing.TestService/UnaryCall%20",
		"/grpc.testing.TestService/UnaryCall%00",
		"/x/../grpc.testing.TestService/UnaryCall",
		"/x/%2e%2e/grpc.testing.TestService/UnaryCall",
		"/grpc.testing.TestService/./UnaryCall",
		"/static/../files/secret",
		"/static/..",
		"/static/.",
		"/static/%2e%2e/files/secret",
		"/static/%2E./files/secret",
		"/static/..%2ffiles/secret",
		"/static/%2e%2e%2Ffiles/secret",
		"/static/..%5cfiles%5csecret",
		`/static/..\files\secret`,
		"/static//../files/secret",
		"/static//x",
		"/static/x%00",
		`/static/x\y`,
		"/static",
		"//static/x",
		"/./static/x",
		"/files/../static/x",
		"/files/x%00/../../static/x",
		"/static%2Fx",
		"/STATIC/x",
		"/healthz/",
		"/healthz%2f",
		"//healthz",
		"//",
		"/",
		"*",
		"http://a",
		"http://a//healthz",
		"http://healthz",
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			next := &httpService{}
			server := httptest.NewUnstartedServer(httpHandler(t, w.server(t, policy), next,
				interceptor.PublicPaths("/static/", "/healthz"), interceptor.AuthenticatedPaths("/files/")))
			server.Config.DisableGeneralOptionsHandler = true // it would answer * itself
			server.Start()
			t.Cleanup(server.Close)
			method := http.MethodGet
			if target == "*" {
				method = http.MethodOptions
			}
			for _, authorization := range []string{"Authorization: Basic YTpi", "Authorization: Bearer x"} {
				wire := newWire(t, server.Listener.Addr().String())
				wire.send(t, method+" "+target+" HTTP/1.1", "Host: a", authorization, "Content-Length: 0")
				if got := wire.receive(t); got.StatusCode != http.StatusForbidden && got.StatusCode != http.StatusUnauthorized {
					t.Errorf("status %d", got.StatusCode)
				}
			}
			if seen := next.seen(); len(seen) > 0 {
				t.Errorf("the handler ran for %s", seen[0].path)
			}
		})
	}
}

// TestPathsThatAreTheSame may be written in another way, for the handler sees the
// very path that the rule is for.
func TestPathsThatAreTheSame(t *testing.T) {
	t.Parallel()
	next := &httpService{}
	handler := httpHandler(t, newWorld(t).server(t, interceptor.Public(unaryCall)), next, interceptor.PublicPaths("/static/"))
	server := serveHTTP1(t, handler)
	for target, want := range map[string]string{
		unaryCall + "?connect=v1":       unaryCall,
		"http://elsewhere" + unaryCall:  unaryCall,
		"/static/%61?x=/../y#z":         "/static/a",
		"/static/caf%C3%A9%20au%20lait": "/static/café au lait",
		"/static/...":                   "/static/...",
		"/static/%252e%252e/x":          "/static/%2e%2e/x",
		"/static/a;b=c":                 "/static/a;b=c",
	} {
		wire := newWire(t, server.Listener.Addr().String())
		wire.send(t, "GET "+target+" HTTP/1.1", "Host: a")
		wantReason(t, wire.receive(t), "")
		if seen := next.seen(); len(seen) == 0 || seen[len(seen)-1].path != want {
			t.Errorf("%s: the handler saw another path than %s", target, want)
		}
	}
}

// TestPreflights has what a browser asks before it sends a token.
func TestPreflights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	preflight := http.Header{"Origin": {"https://a.example"}, "Access-Control-Request-Method": {"POST"}}
	unchecked := []interceptor.HTTPOption{interceptor.UncheckedPreflights()}
	for name, test := range map[string]struct {
		options []interceptor.HTTPOption
		method  string
		header  http.Header
		want    token.Reason
	}{
		"passed on":                    {unchecked, http.MethodOptions, preflight, ""},
		"with garbage for a token":     {unchecked, http.MethodOptions, merged(preflight, bearing("x", "y")), ""},
		"not unless it is said":        {nil, http.MethodOptions, preflight, token.ReasonMissing},
		"a mere OPTIONS":               {unchecked, http.MethodOptions, nil, token.ReasonMissing},
		"without an origin":            {unchecked, http.MethodOptions, http.Header{"Access-Control-Request-Method": {"POST"}}, token.ReasonMissing},
		"without a method":             {unchecked, http.MethodOptions, http.Header{"Origin": {"https://a.example"}}, token.ReasonMissing},
		"a request that looks like it": {unchecked, http.MethodPost, preflight, token.ReasonMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := &httpService{}
			handler := httpHandler(t, w.server(t, interceptor.Authenticated()), next, test.options...)
			wantReason(t, answerOf(t, handler, httpRequest(t, test.method, unaryCall, test.header)), test.want)
			wantSeen(t, next, test.want == "", "")
		})
	}
}

// TestAPreflightOpensNothing asks a handler that doesn't look at the method, by
// what looks like a preflight.
func TestAPreflightOpensNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "salaries.csv"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	handler := httpHandler(t, newWorld(t).server(t, interceptor.Authenticated()),
		http.StripPrefix("/files", http.FileServer(http.Dir(folder))), interceptor.AuthenticatedPaths("/files/"))
	preflight := http.Header{"Origin": {"https://a.example"}, "Access-Control-Request-Method": {"GET"}}
	got := answerOf(t, handler, httpRequest(t, http.MethodOptions, "/files/salaries.csv", preflight))
	wantReason(t, got, token.ReasonMissing)
	if strings.Contains(got.text, "secret") {
		t.Error("the file was served")
	}
}

// merged returns the headers of both.
func merged(a, b http.Header) http.Header {
	all := a.Clone()
	for name, values := range b {
		all[name] = values
	}
	return all
}

// TestPathsMayAskForMore has paths whose rules ask for a scope.
func TestPathsMayAskForMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handler := httpHandler(t, w.server(t, interceptor.Public(unaryCall)), &httpService{},
		interceptor.AuthenticatedPaths("/admin/").With(interceptor.Scopes("admin")).With(interceptor.Issuers(w.issuer.URL())))
	for scope, want := range map[string]token.Reason{"admin": "", "read": interceptor.ReasonScopeInsufficient} {
		header := http.Header{"Authorization": {"Bearer " + w.issuer.Token(jwttest.Scopes(scope))}}
		wantReason(t, answerOf(t, handler, httpRequest(t, http.MethodGet, "/admin/users", header)), want)
	}
	server := w.server(t, interceptor.Public(unaryCall))
	for says, option := range map[string]interceptor.HTTPOption{
		`AuthenticatedPaths("/a"): Scopes("a b"): not a scope`: interceptor.AuthenticatedPaths("/a").With(interceptor.Scopes("a b")),
		`AuthenticatedPaths("/a"): With() asks for nothing`:    interceptor.AuthenticatedPaths("/a").With(),
		`PublicPaths("/a"): With(...) has no effect`:           interceptor.PublicPaths("/a").With(interceptor.Scopes("a")),
	} {
		if _, err := server.HTTPHandler(http.NotFoundHandler(), option); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}
