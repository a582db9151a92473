package interceptor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestHTTPHandlerDecides has what a request answers to each rule, and what the
// handler then finds.
func TestHTTPHandlerDecides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, bad := "Bearer "+w.issuer.Token(), "Bearer "+w.issuer.Token(jwttest.Expired(time.Hour))
	const elsewhere = "/grpc.testing.TestService/EmptyCall"
	for name, test := range map[string]struct {
		policy  interceptor.Policy
		header  http.Header
		want    token.Reason
		subject string
	}{
		"no rule":                    {interceptor.Authenticated(elsewhere), bearing(good), interceptor.ReasonNoPolicy, ""},
		"public, good token":         {interceptor.Public(unaryCall), bearing(good), "", ""},
		"public, garbage":            {interceptor.Public(unaryCall), bearing("x", "y"), "", ""},
		"optional, no token":         {interceptor.Optional(unaryCall), nil, "", ""},
		"optional, good token":       {interceptor.Optional(unaryCall), bearing(good), "", jwttest.DefaultSubject},
		"optional, bad token":        {interceptor.Optional(unaryCall), bearing(bad), token.ReasonExpired, ""},
		"no token":                   {interceptor.Authenticated(), nil, token.ReasonMissing, ""},
		"good token":                 {interceptor.Authenticated(), bearing(good), "", jwttest.DefaultSubject},
		"bad token":                  {interceptor.Authenticated(), bearing(bad), token.ReasonExpired, ""},
		"two values":                 {interceptor.Authenticated(), bearing(good, good), token.ReasonMalformed, ""},
		"two values, one empty":      {interceptor.Authenticated(), bearing(good, ""), token.ReasonMalformed, ""},
		"comma list":                 {interceptor.Authenticated(), bearing(good + ", " + good), token.ReasonMalformed, ""},
		"too large":                  {interceptor.Authenticated(), bearing("Bearer " + strings.Repeat("a", token.DefaultMaxSize+1)), token.ReasonTooLarge, ""},
		"another scheme":             {interceptor.Authenticated(), bearing("Basic YTpi"), token.ReasonMissing, ""},
		"in gRPC's transport header": {interceptor.Authenticated(), http.Header{"Grpc-Metadata-Authorization": {good}}, token.ReasonMissing, ""},
		"a scope that is lacking":    {interceptor.Authenticated().With(interceptor.Scopes("x")), bearing(good), interceptor.ReasonScopeInsufficient, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := &httpService{}
			handler := httpHandler(t, w.server(t, test.policy), next)
			wantReason(t, answerOf(t, handler, httpRequest(t, http.MethodPost, unaryCall, test.header)), test.want)
			wantSeen(t, next, test.want == "", test.subject)
		})
	}
}

// wantSeen checks whether the handler ran, once, and for whom.
func wantSeen(t *testing.T, next *httpService, ran bool, subject string) {
	t.Helper()
	seen := next.seen()
	if len(seen) > 1 || (len(seen) == 1) != ran {
		t.Fatalf("the handler ran %d times, want it to run: %v", len(seen), ran)
	}
	if ran && (seen[0].subject != subject || !seen[0].decided) {
		t.Errorf("the handler found %q (decided: %v), want %q", seen[0].subject, seen[0].decided, subject)
	}
}

// TestHTTPHeaderNames sends the header in any letter case, and twice in two.
func TestHTTPHeaderNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := w.issuer.Token()
	for name, test := range map[string]struct {
		options []interceptor.ServerOption
		lines   []string
		want    token.Reason
	}{
		"lower case":             {nil, []string{"authorization: Bearer " + raw}, ""},
		"upper case":             {nil, []string{"AUTHORIZATION: BEARER " + raw}, ""},
		"twice, in two cases":    {nil, []string{"authorization: Bearer " + raw, "AUTHORIZATION: Bearer " + raw}, token.ReasonMalformed},
		"folded":                 {nil, []string{"Authorization: Bearer", " " + raw}, ""}, // RFC 9112 section 5.2: a space
		"another, in its case":   {[]interceptor.ServerOption{interceptor.HeaderName("x-user-token")}, []string{"X-User-Token: Bearer " + raw}, ""},
		"another, in any case":   {[]interceptor.ServerOption{interceptor.HeaderName("X-USER-token")}, []string{"x-usER-token: Bearer " + raw}, ""},
		"not the one to look at": {[]interceptor.ServerOption{interceptor.HeaderName("x-user-token")}, []string{"Authorization: Bearer " + raw}, token.ReasonMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := &httpService{}
			server := serveHTTP1(t, httpHandler(t, w.server(t, interceptor.Authenticated(), test.options...), next))
			wire := newWire(t, server.Listener.Addr().String())
			wire.send(t, append([]string{"POST " + unaryCall + " HTTP/1.1", "Host: a", "Content-Length: 0"}, test.lines...)...)
			wantReason(t, wire.receive(t), test.want)
			wantSeen(t, next, test.want == "", jwttest.DefaultSubject)
		})
	}
}

// TestHTTPPeers asks who is on the other side of a connection.
func TestHTTPPeers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	policy := interceptor.Authenticated().With(interceptor.Peers("example.com")) // httptest's certificate
	good := "Bearer " + w.issuer.Token()
	certificates := []*x509.Certificate{serveHTTP2(t, http.NotFoundHandler()).Certificate()}
	for name, test := range map[string]struct {
		connection *tls.ConnectionState
		want       token.Reason
	}{
		"verified":       {&tls.ConnectionState{PeerCertificates: certificates, VerifiedChains: [][]*x509.Certificate{certificates}}, ""},
		"not verified":   {&tls.ConnectionState{PeerCertificates: certificates}, interceptor.ReasonPeerNotAllowed},
		"no certificate": {&tls.ConnectionState{}, interceptor.ReasonPeerNotAllowed},
		"no TLS":         {nil, interceptor.ReasonPeerNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httpRequest(t, http.MethodPost, unaryCall, bearing(good))
			r.TLS = test.connection
			wantReason(t, answerOf(t, httpHandler(t, w.server(t, policy), &httpService{}), r), test.want)
		})
	}
	t.Run("a function tells the names", func(t *testing.T) {
		t.Parallel()
		names := func(ctx context.Context) []string {
			if from, ok := peer.FromContext(ctx); !ok || from.Addr.String() == "" || from.AuthInfo != nil {
				t.Errorf("the function sees the connection as %v", from)
			}
			return []string{"EXAMPLE.com"}
		}
		handler := httpHandler(t, w.server(t, policy, interceptor.WithPeerNames(names)), &httpService{})
		wantReason(t, answerOf(t, handler, httpRequest(t, http.MethodPost, unaryCall, bearing(good))), "")
	})
}

// TestTheHandlerSeesThePeer has what a handler finds of the connection.
func TestTheHandlerSeesThePeer(t *testing.T) {
	t.Parallel()
	next := &httpService{}
	server := serveHTTP2(t, httpHandler(t, newWorld(t).server(t, interceptor.Public(unaryCall)), next))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+unaryCall, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantReason(t, exchange(t, server.Client(), r), "")
	from := next.seen()[0].peer
	info, ok := from.AuthInfo.(credentials.TLSInfo)
	if !ok || info.SecurityLevel != credentials.PrivacyAndIntegrity || info.State.NegotiatedProtocol != "h2" {
		t.Errorf("the peer's AuthInfo is %T", from.AuthInfo)
	}
	if !strings.HasPrefix(from.Addr.String(), "127.0.0.1:") || from.Addr.Network() != "tcp" {
		t.Errorf("the peer's address is %s", from.Addr)
	}
}

// TestHTTPStripHeaders strips what others must not say, from a copy.
func TestHTTPStripHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.server(t, interceptor.Public(unaryCall), interceptor.StripHeaders("x-user-id", "X-FORWARDED-USER"))
	next := &httpService{}
	sent := http.Header{"X-User-Id": {"root"}, "X-Forwarded-User": {"root", jwttest.DefaultSubject}, "X-Other": {"stays"}}
	r := httpRequest(t, http.MethodPost, unaryCall, sent)
	wantReason(t, answerOf(t, httpHandler(t, server, next), r), "")
	if got := next.seen()[0].header; len(got) != 1 || got.Get("X-Other") != "stays" {
		t.Errorf("the handler sees %v", got)
	}
	if len(r.Header) != 3 {
		t.Errorf("the caller's request was changed: %v", r.Header)
	}
}

// TestHTTPShadow lets in and reports.
func TestHTTPShadow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var report recorder
	next := &httpService{}
	handler := httpHandler(t, w.server(t, interceptor.Authenticated(emptyCall), interceptor.Shadow(&report)), next)
	wantReason(t, answerOf(t, handler, httpRequest(t, http.MethodPost, unaryCall, bearing("Bearer "+w.issuer.Token()))), "")
	wantSeen(t, next, true, "")
	if len(report.decisions) != 1 || !report.decisions[0].Shadow || report.decisions[0].Reason != interceptor.ReasonNoPolicy {
		t.Errorf("reported: %+v", report.decisions)
	}
}

// TestHTTPObserver is told of requests as of calls.
func TestHTTPObserver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var seen recorder
	server := w.server(t, interceptor.Authenticated(unaryCall), interceptor.Name("A"), interceptor.WithObserver(&seen))
	handler := httpHandler(t, server, &httpService{}, interceptor.PublicPaths("/static/"))
	raw := w.issuer.Token()
	long := "/static/" + strings.Repeat("x", 10_000)
	for _, path := range []string{unaryCall, "/static/logo.svg", "/elsewhere", long} {
		answerOf(t, handler, httpRequest(t, http.MethodGet, path, bearing("Bearer "+raw)))
	}
	methods := make([]string, 0, len(seen.decisions))
	for _, d := range seen.decisions {
		methods = append(methods, d.Method)
	}
	if want := []string{unaryCall, "/static/logo.svg", "/elsewhere", long[:256]}; !slices.Equal(methods, want) {
		t.Errorf("told of %q", methods)
	}
	first, refused := seen.decisions[0], seen.decisions[2]
	if first.Token == nil || first.Fingerprint != token.Fingerprint(raw) || first.Hop != "A" {
		t.Errorf("told of the first %+v", first)
	}
	if refused.Reason != interceptor.ReasonNoPolicy || refused.Fingerprint != token.Fingerprint(raw) {
		t.Errorf("told of the refused one %+v", refused)
	}
}

// TestHTTPHandlerOfGRPC has gRPC's own server as the handler, by HTTP/2.
func TestHTTPHandlerOfGRPC(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	policy := interceptor.Rules(interceptor.Authenticated(), interceptor.Optional(emptyCall))
	server := w.server(t, policy, interceptor.Name("A"), interceptor.StripHeaders("x-user-id"))
	impl, grpcServer := &service{}, grpc.NewServer()
	testpb.RegisterTestServiceServer(grpcServer, impl)
	web := serveHTTP2(t, httpHandler(t, server, grpcServer))
	if err := server.Audit(grpcServer); err != nil {
		t.Error(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	conn, err := grpc.NewClient(web.Listener.Addr().String(),
		grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "example.com")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	client := testpb.NewTestServiceClient(conn)
	for _, k := range kinds() { // one after the other: impl counts
		before := len(impl.seen())
		wantRefusal(t, k.call(sending(t), client), codes.Unauthenticated, token.ReasonMissing, "A")
		wantRefusal(t, k.call(sending(t, "Bearer "+w.issuer.Token(), "Bearer "+w.issuer.Token()), client), codes.Unauthenticated, token.ReasonMalformed, "A")
		wantRefusal(t, k.call(sending(t, "Bearer "+w.issuer.Token()), client), codes.OK, "", "")
		seen := impl.seen()[before:]
		if len(seen) != 1 || seen[0].token.Subject() != jwttest.DefaultSubject || seen[0].method != k.method {
			t.Errorf("%s: the handler saw %d calls", k.name, len(seen))
		}
	}
}

// TestHTTPHandlerRefusesMistakes has the option's name in each message.
func TestHTTPHandlerRefusesMistakes(t *testing.T) {
	t.Parallel()
	server := newWorld(t).server(t, interceptor.Authenticated())
	for name, test := range map[string]struct {
		next    http.Handler
		options []interceptor.HTTPOption
		says    string
	}{
		"no handler":            {nil, nil, "nil handler"},
		"a nil option":          {&httpService{}, []interceptor.HTTPOption{nil}, "nil option"},
		"mounted nowhere":       {&httpService{}, []interceptor.HTTPOption{interceptor.MountedAt("")}, `MountedAt("")`},
		"mounted at the root":   {&httpService{}, []interceptor.HTTPOption{interceptor.MountedAt("/")}, `MountedAt("/")`},
		"mounted at a subtree":  {&httpService{}, []interceptor.HTTPOption{interceptor.MountedAt("/api/")}, `MountedAt("/api/")`},
		"mounted without slash": {&httpService{}, []interceptor.HTTPOption{interceptor.MountedAt("api")}, `MountedAt("api")`},
		"mounted around":        {&httpService{}, []interceptor.HTTPOption{interceptor.MountedAt("/a/../b")}, `MountedAt("/a/../b")`},
		"no public path":        {&httpService{}, []interceptor.HTTPOption{interceptor.PublicPaths()}, "PublicPaths()"},
		"no path":               {&httpService{}, []interceptor.HTTPOption{interceptor.AuthenticatedPaths()}, "AuthenticatedPaths()"},
		"an empty path":         {&httpService{}, []interceptor.HTTPOption{interceptor.PublicPaths("")}, `PublicPaths("")`},
		"two slashes":           {&httpService{}, []interceptor.HTTPOption{interceptor.PublicPaths("//")}, `PublicPaths("//")`},
		"a path without slash":  {&httpService{}, []interceptor.HTTPOption{interceptor.AuthenticatedPaths("me")}, `AuthenticatedPaths("me")`},
		"a pattern of ServeMux": {&httpService{}, []interceptor.HTTPOption{interceptor.AuthenticatedPaths("GET /me")}, `AuthenticatedPaths("GET /me")`},
		"twice in one":          {&httpService{}, []interceptor.HTTPOption{interceptor.PublicPaths("/a", "/a")}, `PublicPaths("/a")`},
		"twice":                 {&httpService{}, []interceptor.HTTPOption{interceptor.PublicPaths("/a"), interceptor.AuthenticatedPaths("/a")}, `AuthenticatedPaths("/a")`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, err := server.HTTPHandler(test.next, test.options...)
			if handler != nil || err == nil || !strings.HasPrefix(err.Error(), "interceptor: ") || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error is %v, want one about %s", err, test.says)
			}
		})
	}
}

// TestPeerNamesFindHeaders: a sidecar says who calls in a header, which is where
// gRPC has it, however the call came.
func TestPeerNamesFindHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sidecar := interceptor.WithPeerNames(func(ctx context.Context) []string {
		return grpcmd.ValueFromIncomingContext(ctx, "x-sidecar-peer")
	})
	guard := w.server(t, interceptor.Authenticated(unaryCall).With(interceptor.Peers("spiffe://acme/orders")), sidecar)
	handler, err := guard.HTTPHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, ok := grpcmd.FromIncomingContext(r.Context()); ok {
			t.Error("the handler finds gRPC's metadata in a request that has none")
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"spiffe://acme/orders": http.StatusOK, "spiffe://acme/other": http.StatusForbidden, "": http.StatusForbidden} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, unaryCall, nil)
		request.Header.Set("Authorization", "Bearer "+w.issuer.Token())
		request.Header.Set("X-Sidecar-Peer", name)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code != want {
			t.Errorf("%q: status %d, want %d", name, answer.Code, want)
		}
	}
}
