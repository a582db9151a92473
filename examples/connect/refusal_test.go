package connectrelay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	connectrelay "github.com/jwtrelay/jwtrelay/examples/connect"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestAsUpstream has a service behind this one that refuses, by each protocol,
// and what this one's caller is told.
func TestAsUpstream(t *testing.T) {
	t.Parallel()
	w, stranger := newWorld(t), newWorld(t)
	expired := "Bearer " + w.issuer.Token(jwttest.Expired(time.Hour))
	for name, test := range map[string]struct {
		next   *interceptor.Server
		values []string // of the call to it; nil relays
		code   codes.Code
		reason token.Reason
	}{
		"other keys":     {stranger.server(t, interceptor.Authenticated(), "next"), nil, codes.Internal, token.ReasonKeyUnknown},
		"no rule":        {w.server(t, interceptor.Public("/a.B/C"), "next"), nil, codes.Internal, interceptor.ReasonNoPolicy},
		"too few rights": {w.server(t, interceptor.Authenticated().With(interceptor.Scopes("x")), "next"), nil, codes.PermissionDenied, interceptor.ReasonScopeInsufficient},
		"ended":          {w.server(t, interceptor.Authenticated(), "next"), []string{expired}, codes.Unauthenticated, token.ReasonExpired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := w.serveGRPC(t, grpcEcho{journal: new(journal)}, test.next.Options()...)
			url := w.serveWeb(t, behind(t, test.next, connectEcho{journal: new(journal)}.handler()))
			relay, err := interceptor.NewClient()
			if err != nil {
				t.Fatal(err)
			}
			for protocol, calls := range map[string]map[string]callFunc{
				"gRPC":    grpcCalls(w.grpcClient(t, "", addr, relay.DialOptions()...)),
				"Connect": w.relayTo(t, url, connectrelay.Config{}).calls(),
			} {
				for kind, call := range calls {
					told := tellUser(t, w, func(ctx context.Context) error {
						_, err := call(ctx, test.values)
						return connectrelay.AsUpstream(err)
					})
					refusal, _ := connectrelay.RefusalFrom(told)
					if refusal.Code != test.code || refusal.Reason != test.reason || refusal.Hop != "next" {
						t.Errorf("%s, %s: %+v: %v", protocol, kind, refusal, told)
					}
				}
			}
		})
	}
}

// tellUser returns what the user of a service is told if its handler does this.
func tellUser(t *testing.T, w world, handle func(ctx context.Context) error) error {
	t.Helper()
	service := connectEcho{journal: new(journal), then: handle}
	url := w.serveWeb(t, behind(t, w.server(t, interceptor.Authenticated(), "front"), service.handler()))
	user := newConnectClient(w.httpClient(t, "", http2), url)
	return user.unary(t.Context(), []string{"Bearer " + w.issuer.Token()})
}

// TestWhatIsNoRefusal passes, with its code.
func TestWhatIsNoRefusal(t *testing.T) {
	t.Parallel()
	notFound := connect.NewError(connect.CodeNotFound, errors.New("no such order"))
	for name, test := range map[string]struct {
		err  error
		code connect.Code
		text string
	}{
		"Connect's":        {notFound, connect.CodeNotFound, "not_found: no such order"},
		"Connect's inside": {fmt.Errorf("asking: %w", notFound), connect.CodeNotFound, "not_found: no such order"},
		"gRPC's":           {status.Error(codes.NotFound, "no such order"), connect.CodeNotFound, "not_found: no such order"},
		"another":          {io.ErrUnexpectedEOF, connect.CodeUnknown, "unexpected EOF"},
	} {
		if _, ok := connectrelay.RefusalFrom(test.err); ok {
			t.Errorf("%s is a refusal", name)
		}
		got := connectrelay.AsUpstream(test.err)
		if connect.CodeOf(got) != test.code || got.Error() != test.text {
			t.Errorf("%s: %v", name, got)
		}
	}
	if err := connectrelay.AsUpstream(nil); err != nil {
		t.Errorf("nil: %v", err)
	}
	if _, ok := connectrelay.RefusalFrom(nil); ok {
		t.Error("nil is a refusal")
	}
}
