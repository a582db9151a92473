package middleware_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/examples/middleware"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// installs are the ways to put a server into a gRPC server.
var installs = []struct {
	name        string
	options     func(w world, server *interceptor.Server) []grpc.ServerOption
	limits      bool // headers
	seesTheEnds bool // of calls
}{
	{"server.Options", behindServerOptions, true, true},
	{"auth with AuthFunc", behindAuth, false, false},
	{"middleware.Options", behindOptions, true, false},
}

// outcome is what can be learned of a call from outside, from its handler and
// from the next service.
type outcome struct {
	code      codes.Code
	message   string
	refusal   interceptor.Refusal
	challenge string // the www-authenticate header
	handler   string // the arrivals there
	next      string
}

// learn makes a call and returns its outcome.
func learn(t *testing.T, call call, options []grpc.ServerOption, values ...string) outcome {
	t.Helper()
	service, next := chain(t, interceptor.VerifiedOnly())
	var header grpcmd.MD
	err := call(sending(t, values...), client(t, service, options), "hello", grpc.Header(&header))
	refusal, _ := interceptor.RefusalFrom(err)
	return outcome{
		code:      status.Code(err),
		message:   status.Convert(err).Message(),
		refusal:   refusal,
		challenge: strings.Join(header.Get("www-authenticate"), "\n"),
		handler:   fmt.Sprint(service.seen()),
		next:      fmt.Sprint(next.seen()),
	}
}

// TestDecidingAlike makes the same calls through all installs and expects the
// same of each, to the last word. A good token is found by the handler and goes
// on to the next service.
func TestDecidingAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.issuer.Token()
	fingerprint := token.Fingerprint(good)
	all := interceptor.Authenticated()
	public := interceptor.Public(methods()...)
	for name, test := range map[string]struct {
		policy  interceptor.Policy
		values  []string
		code    codes.Code
		reason  token.Reason
		handler []arrival
		next    []arrival
	}{
		"good token": {
			policy: all, values: []string{"Bearer " + good},
			handler: []arrival{{sent: fingerprint, verified: fingerprint, decided: true}}, next: []arrival{{sent: fingerprint}},
		},
		"no token":       {policy: all, code: codes.Unauthenticated, reason: token.ReasonMissing},
		"no JWT":         {policy: all, values: []string{"Bearer a.b"}, code: codes.Unauthenticated, reason: token.ReasonMalformed},
		"password":       {policy: all, values: []string{"Basic YTpi"}, code: codes.Unauthenticated, reason: token.ReasonMissing},
		"two tokens":     {policy: all, values: []string{"Bearer " + good, "Bearer " + good}, code: codes.Unauthenticated, reason: token.ReasonMalformed},
		"expired":        {policy: all, values: bearing(w, jwttest.Expired(time.Hour)), code: codes.Unauthenticated, reason: token.ReasonExpired},
		"forged":         {policy: all, values: bearing(w, jwttest.Forged()), code: codes.Unauthenticated, reason: token.ReasonSignatureInvalid},
		"other audience": {policy: all, values: bearing(w, jwttest.Audience("elsewhere")), code: codes.Unauthenticated, reason: token.ReasonAudienceMismatch},
		"no rule": {
			policy: interceptor.Authenticated("/acme.Orders/List"), values: []string{"Bearer " + good},
			code: codes.PermissionDenied, reason: interceptor.ReasonNoPolicy,
		},
		"public": {policy: public, handler: []arrival{{decided: true}}, next: []arrival{{}}},
		"public, with a token": {
			policy: public, values: []string{"Bearer " + good},
			handler: []arrival{{sent: fingerprint, decided: true}}, next: []arrival{{}},
		},
	} {
		for _, kind := range kinds {
			t.Run(name+"/"+kind.name, func(t *testing.T) {
				t.Parallel()
				first := learn(t, kind.call, behindServerOptions(w, w.server(t, test.policy)), test.values...)
				for _, install := range installs {
					got := learn(t, kind.call, install.options(w, w.server(t, test.policy)), test.values...)
					if got != first {
						t.Errorf("by %s %+v, but by server.Options %+v", install.name, got, first)
					}
				}
				if first.code != test.code || first.refusal.Reason != test.reason {
					t.Errorf("%v %q, want %v %q", first.code, first.refusal.Reason, test.code, test.reason)
				}
				if first.handler != fmt.Sprint(test.handler) || first.next != fmt.Sprint(test.next) {
					t.Errorf("the handler saw %s and the next service %s, want %v and %v", first.handler, first.next, test.handler, test.next)
				}
				if challenged := strings.HasPrefix(first.challenge, "Bearer"); challenged != (test.code == codes.Unauthenticated) {
					t.Errorf("www-authenticate is %q", first.challenge)
				}
			})
		}
	}
}

// TestHeaderLimit: whoever sends more than a token and 24 KiB needs no answer
// from us. AuthFunc can't keep them away: by then gRPC has read it all.
func TestHeaderLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, token.MaxSize(64<<10))
	longest := strings.Repeat("a", w.verifier.MaxSize())
	for name, test := range map[string]struct {
		token   string
		beside  int // bytes
		reason  token.Reason
		limited bool // by gRPC, where headers have a limit
	}{
		"longest token":            {longest, 20 << 10, token.ReasonMalformed, false},
		"token that is too long":   {longest + "a", 20 << 10, token.ReasonTooLarge, false},
		"token that is absurd":     {strings.Repeat("a", 1<<20), 0, token.ReasonTooLarge, true},
		"too much beside a token":  {longest, 64 << 10, token.ReasonMalformed, true},
		"far too much beside none": {"", 1 << 20, token.ReasonMissing, true},
	} {
		for _, kind := range kinds {
			t.Run(name+"/"+kind.name, func(t *testing.T) {
				t.Parallel()
				ctx := grpcmd.AppendToOutgoingContext(sending(t), "x-beside", strings.Repeat("b", test.beside))
				if test.token != "" {
					ctx = grpcmd.AppendToOutgoingContext(ctx, "authorization", "Bearer "+test.token)
				}
				for _, install := range installs {
					want := test.reason
					if test.limited && install.limits {
						want = ""
					}
					err := kind.call(ctx, client(t, new(service), install.options(w, w.server(t, middleware.Policy()))), "hello")
					refusal, _ := interceptor.RefusalFrom(err)
					if err == nil || refusal.Reason != want {
						t.Errorf("by %s: %v, reason %q, want %q", install.name, status.Code(err), refusal.Reason, want)
					}
				}
			})
		}
	}
}

// TestHideHops: AuthFunc sees how a call begins and no more, so what a handler
// says of the services behind it keeps their names.
func TestHideHops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, install := range installs {
		for _, kind := range kinds {
			t.Run(install.name+"/"+kind.name, func(t *testing.T) {
				t.Parallel()
				service, _ := chain(t, interceptor.OnlyAudience("elsewhere")) // the handler's call is refused
				client := client(t, service, install.options(w, w.server(t, middleware.Policy(), interceptor.HideHops())))
				own, _ := interceptor.RefusalFrom(kind.call(sending(t), client, "hello"))
				if own.Reason != token.ReasonMissing || own.Hop != "" {
					t.Errorf("own refusal: %q by %q", own.Reason, own.Hop)
				}
				handlers, _ := interceptor.RefusalFrom(kind.call(sending(t, bearing(w)...), client, "hello"))
				if handlers.Reason != token.ReasonAudienceMismatch || (handlers.Hop == "") != install.seesTheEnds {
					t.Errorf("the handler's: %q by %q", handlers.Reason, handlers.Hop)
				}
			})
		}
	}
}

// TestHealthIsPublic, also for those who send something odd.
func TestHealthIsPublic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn, stop := serve(new(service), behindOptions(w, w.server(t, middleware.Policy())))
	t.Cleanup(stop)
	for _, values := range [][]string{nil, bearing(w, jwttest.Expired(time.Hour))} {
		checked, err := healthpb.NewHealthClient(conn).Check(sending(t, values...), &healthpb.HealthCheckRequest{})
		if err != nil || checked.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("Check: %v, %v", checked.GetStatus(), err)
		}
		watch, err := healthpb.NewHealthClient(conn).Watch(sending(t, values...), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if watched, err := watch.Recv(); err != nil || watched.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("Watch: %v, %v", watched.GetStatus(), err)
		}
	}
	if w.log.String() != "" {
		t.Errorf("health checks are in the log:\n%s", w.log)
	}
}

// bearing are the header values of a call with a token of w.
func bearing(w world, options ...jwttest.TokenOption) []string {
	return []string{"Bearer " + w.issuer.Token(options...)}
}
