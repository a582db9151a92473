package connectrelay_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	connectrelay "github.com/jwtrelay/jwtrelay/examples/connect"
	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// hop is the name of the service under test.
const hop = "echo"

// The callers' SPIFFE IDs.
const (
	gateway  = "spiffe://acme/gateway"
	batchJob = "spiffe://acme/batch"
)

// sent is what a call carries.
type sent struct {
	values []string
	reason token.Reason // why no rule that needs a token lets it in; "" if it is a good token
}

// tokensOf returns what calls carry, by name.
func tokensOf(w world) map[string]sent {
	bearer := func(options ...jwttest.TokenOption) []string { return []string{"Bearer " + w.issuer.Token(options...)} }
	full := []jwttest.TokenOption{jwttest.Scopes("orders.read", "orders.write"), jwttest.Claim("tenant", "acme")}
	but := func(option jwttest.TokenOption) []string { return bearer(append(slices.Clone(full), option)...) }
	good := bearer(full...)
	return map[string]sent{
		"no token":       {nil, token.ReasonMissing},
		"another scheme": {[]string{"Basic YTpi"}, token.ReasonMissing},
		"two tokens":     {append(slices.Clone(good), but(jwttest.Subject("bob"))...), token.ReasonMalformed},
		"twice the same": {append(slices.Clone(good), good...), token.ReasonMalformed},
		"garbage":        {[]string{"Bearer x"}, token.ReasonMalformed},
		"too large":      {[]string{"Bearer " + strings.Repeat("a", token.DefaultMaxSize+1)}, token.ReasonTooLarge},
		"expired":        {but(jwttest.Expired(time.Hour)), token.ReasonExpired},
		"forged":         {but(jwttest.Forged()), token.ReasonSignatureInvalid},
		"of a stranger":  {but(jwttest.IssuedBy("https://evil.example")), token.ReasonIssuerMismatch},
		"good":           {good, ""},
		"one scope":      {but(jwttest.Scopes("orders.read")), ""},
		"no scope":       {but(jwttest.Scopes()), ""},
		"another tenant": {but(jwttest.Claim("tenant", "globex")), ""},
		"an old token":   {but(jwttest.IssuedAt(time.Now().Add(-time.Hour))), ""},
		"of the partner": {[]string{"Bearer " + w.partner.Token(full...)}, ""},
	}
}

// row is a rule, and what it makes of good tokens. The other columns follow.
type row struct {
	policy interceptor.Policy
	access access
	code   codes.Code // of the tokens that are not enough
	reason token.Reason
	enough []string // the good tokens that are; nil means all, none that there are none
	caller string   // SPIFFE ID of who calls, "" if it has no certificate
}

// access is what a rule makes of calls without a good token.
type access int

const (
	needsToken   access = iota
	open                // to all, whatever they bring
	openToNobody        // to calls without a token
	closed              // to all
)

// rows returns the policy table.
func rows(w world) map[string]row {
	needs := func(r interceptor.Requirement) interceptor.Policy { return interceptor.Authenticated().With(r) }
	answers := func(err error) interceptor.Requirement {
		return interceptor.Require(func(context.Context, *token.Token) error { return err })
	}
	everyMethod := []string{echoMethod, expandMethod, collectMethod, chatMethod}
	none := []string{}
	return map[string]row{
		"public":        {interceptor.Public(everyMethod...), open, 0, "", nil, ""},
		"optional":      {interceptor.Optional(everyMethod...), openToNobody, 0, "", nil, ""},
		"authenticated": {interceptor.Authenticated(everyMethod...), needsToken, 0, "", nil, ""},
		"all others":    {interceptor.Authenticated(), needsToken, 0, "", nil, ""},
		"no rule":       {interceptor.Public("/acme.Orders/List"), closed, codes.PermissionDenied, interceptor.ReasonNoPolicy, none, ""},
		"of the proto":  {interceptor.FromProto(), needsToken, 0, "", nil, ""},
		"all scopes": {
			needs(interceptor.Scopes("orders.read", "orders.write")), needsToken, codes.PermissionDenied,
			interceptor.ReasonScopeInsufficient, []string{"good", "another tenant", "an old token", "of the partner"}, "",
		},
		"any scope": {
			needs(interceptor.AnyScope("orders.read", "orders.admin")), needsToken, codes.PermissionDenied,
			interceptor.ReasonScopeInsufficient, []string{"good", "one scope", "another tenant", "an old token", "of the partner"}, "",
		},
		"of the proto, and a claim": {
			interceptor.FromProto().With(interceptor.Claim("tenant", "acme")), needsToken, codes.PermissionDenied,
			interceptor.ReasonClaimRequired, []string{"good", "one scope", "no scope", "an old token", "of the partner"}, "",
		},
		"issuer": {
			needs(interceptor.Issuers(w.issuer.URL())), needsToken, codes.PermissionDenied,
			interceptor.ReasonIssuerNotAllowed, []string{"good", "one scope", "no scope", "another tenant", "an old token"}, "",
		},
		"max age": {
			needs(interceptor.MaxAge(10 * time.Minute)), needsToken, codes.Unauthenticated,
			interceptor.ReasonTooOld, []string{"good", "one scope", "no scope", "another tenant", "of the partner"}, "",
		},
		"peer":                  {needs(interceptor.Peers(gateway)), needsToken, 0, "", nil, gateway},
		"peer, another":         {needs(interceptor.Peers(gateway)), needsToken, codes.PermissionDenied, interceptor.ReasonPeerNotAllowed, none, batchJob},
		"peer, no certificate":  {needs(interceptor.Peers(gateway)), needsToken, codes.PermissionDenied, interceptor.ReasonPeerNotAllowed, none, ""},
		"a function says yes":   {needs(answers(nil)), needsToken, 0, "", nil, ""},
		"a function says no":    {needs(answers(errors.New("secret"))), needsToken, codes.PermissionDenied, interceptor.ReasonCallNotAllowed, none, ""},
		"a function can't tell": {needs(answers(status.Error(codes.Unavailable, "secret"))), needsToken, codes.Unavailable, interceptor.ReasonPolicyUnavailable, none, ""},
	}
}

// verdict is the outcome of a call: what must be the same at each entry point.
type verdict struct {
	code    codes.Code
	reason  token.Reason
	hop     string
	runs    int    // of the handler
	subject string // that it found
}

// want returns what becomes of a call by the policy table alone.
func (r row) want(name string, s sent) verdict {
	refused := func(code codes.Code, reason token.Reason) verdict { return verdict{code, reason, hop, 0, ""} }
	letIn := func(subject string) verdict { return verdict{codes.OK, "", "", 1, subject} }
	switch {
	case r.access == closed:
		return refused(r.code, r.reason)
	case r.access == open, r.access == openToNobody && s.reason == token.ReasonMissing:
		return letIn("")
	case s.reason != "":
		return refused(codes.Unauthenticated, s.reason)
	case r.enough != nil && !slices.Contains(r.enough, name):
		return refused(r.code, r.reason)
	default:
		return letIn(jwttest.DefaultSubject)
	}
}

// TestDecisions makes every call of every rule by every protocol that there is,
// with real clients and servers. All decide the same, and tell it in the same
// words.
func TestDecisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tokens := tokensOf(w)
	for name, row := range rows(w) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var journal journal
			points := entryPoints(t, w, row, &journal)
			for name, s := range tokens {
				compare(t, name, row.want(name, s), s, points, &journal)
			}
		})
	}
}

// compare makes the call at all entry points.
func compare(t *testing.T, name string, want verdict, s sent, points map[string]callFunc, journal *journal) {
	t.Helper()
	var first told
	for i, point := range slices.Sorted(maps.Keys(points)) {
		journal.take()
		said, got := callAt(t, points[point], s, journal)
		if got != want {
			t.Errorf("%s, %s: %+v, want %+v", name, point, got, want)
		}
		if i == 0 {
			first = said
		}
		if said != first {
			t.Errorf("%s, %s: the caller is told %+v, elsewhere %+v", name, point, said, first)
		}
	}
}

// told is all that a caller learns of a refusal.
type told struct {
	refusal   interceptor.Refusal
	challenge string
}

// callAt makes a call, and returns what the caller is told and what happened.
func callAt(t *testing.T, call callFunc, s sent, journal *journal) (told, verdict) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	challenge, err := call(ctx, s.values)
	refusal, ok := connectrelay.RefusalFrom(err)
	if err != nil && !ok {
		refusal = interceptor.Refusal{Code: codes.Unknown, Message: "no refusal: " + err.Error()}
	}
	got := verdict{code: refusal.Code, reason: refusal.Reason, hop: refusal.Hop}
	arrived := journal.take()
	got.runs = len(arrived)
	if got.runs > 0 {
		got.subject = arrived[0].subject
	}
	return told{refusal, challenge}, got
}

// entryPoints returns all ways to call a service under a rule.
func entryPoints(t *testing.T, w world, r row, journal *journal) map[string]callFunc {
	t.Helper()
	server, err := interceptor.NewServer(w.verifier, r.policy, interceptor.Name(hop))
	if err != nil {
		t.Fatal(err)
	}
	native := w.serveGRPC(t, grpcEcho{journal: journal}, server.Options()...)
	inHTTP := w.serveWeb(t, behind(t, server, grpcHandler(grpcEcho{journal: journal})))
	inConnect := w.serveWeb(t, behind(t, server, connectEcho{journal: journal}.handler()))
	one, two := w.httpClient(t, r.caller, http1), w.httpClient(t, r.caller, http2)

	points := make(map[string]callFunc)
	add := func(name string, calls map[string]callFunc) {
		for kind, call := range calls {
			points[name+", "+kind] = call
		}
	}
	add("gRPC", grpcCalls(w.grpcClient(t, r.caller, native)))
	add("gRPC to HTTPHandler", grpcCalls(w.grpcClient(t, r.caller, strings.TrimPrefix(inHTTP, "https://"))))
	add("gRPC to Connect's handlers", grpcCalls(w.grpcClient(t, r.caller, strings.TrimPrefix(inConnect, "https://"))))
	add("Connect's gRPC", newConnectClient(two, inConnect, connect.WithGRPC()).calls())
	add("gRPC-Web", newConnectClient(two, inConnect, connect.WithGRPCWeb()).calls())
	add("Connect", newConnectClient(two, inConnect).calls())
	add("Connect in JSON", newConnectClient(two, inConnect, connect.WithProtoJSON()).calls())
	points["Connect by HTTP/1.1, unary"] = newConnectClient(one, inConnect).calls()["unary"]
	points["Connect by HTTP/1.1, client stream"] = newConnectClient(one, inConnect).calls()["client stream"]
	points["gRPC-Web by HTTP/1.1, unary"] = newConnectClient(one, inConnect, connect.WithGRPCWeb()).calls()["unary"]
	points["Connect by GET"] = challenged(newConnectClient(two, inConnect, connect.WithHTTPGet()).get)
	points["HTTP POST"] = plainPost(two, inConnect)
	points["HTTP/1.1 POST"] = plainPost(one, inConnect)
	return points
}

// behind returns handler behind server.
func behind(t *testing.T, server *interceptor.Server, handler http.Handler) http.Handler {
	t.Helper()
	guarded, err := server.HTTPHandler(handler)
	if err != nil {
		t.Fatal(err)
	}
	return guarded
}

// grpcHandler returns gRPC's server as a handler, without interceptors.
func grpcHandler(impl echov1.EchoServiceServer) http.Handler {
	server := grpc.NewServer()
	echov1.RegisterEchoServiceServer(server, impl)
	return server
}
