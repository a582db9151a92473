package connectrelay_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc/codes"

	connectrelay "github.com/jwtrelay/jwtrelay/examples/connect"
	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// server returns a server that trusts the issuers of w.
func (w world) server(t *testing.T, policy interceptor.Policy, name string) *interceptor.Server {
	t.Helper()
	server, err := interceptor.NewServer(w.verifier, policy, interceptor.Name(name))
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// relayTo returns a client of the Connect service at url, that relays.
func (w world) relayTo(t *testing.T, url string, config connectrelay.Config, options ...connect.ClientOption) connectClient {
	t.Helper()
	if config.BaseURL == "" {
		config.BaseURL = url
	}
	relay, err := connectrelay.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return newConnectClient(connectrelay.WithoutRedirects(w.httpClient(t, "", http2)), url,
		append(options, connect.WithInterceptors(relay))...)
}

// verified returns a context like that of a handler whose caller sent a token.
func (w world) verified(t *testing.T) (context.Context, *token.Token) {
	t.Helper()
	verified, err := w.verifier.Verify(t.Context(), w.issuer.Token())
	if err != nil {
		t.Fatal(err)
	}
	return token.NewContext(t.Context(), verified), verified
}

// TestTheTokenGoesOnByBothWays has a user, a Connect service behind HTTPHandler,
// and behind that one service of each kind. All see the same token.
func TestTheTokenGoesOnByBothWays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var front, byGRPC, byConnect journal
	relay, err := interceptor.NewClient(interceptor.Name("front"), interceptor.VerifiedOnly())
	if err != nil {
		t.Fatal(err)
	}
	next := w.server(t, interceptor.Authenticated(), "next")
	grpcNext := grpcCalls(w.grpcClient(t, "", w.serveGRPC(t, grpcEcho{journal: &byGRPC}, next.Options()...), relay.DialOptions()...))
	connectURL := w.serveWeb(t, behind(t, next, connectEcho{journal: &byConnect}.handler()))
	calls := []map[string]callFunc{
		grpcNext,
		w.relayTo(t, connectURL, connectrelay.Config{}).calls(),
		w.relayTo(t, connectURL, connectrelay.Config{}, connect.WithGRPC()).calls(),
		w.relayTo(t, connectURL, connectrelay.Config{}, connect.WithGRPCWeb()).calls(),
	}
	service := connectEcho{journal: &front, then: func(ctx context.Context) error { return all(ctx, calls) }}
	url := w.serveWeb(t, behind(t, w.server(t, interceptor.Optional(echoMethod), "front"), service.handler()))
	user := newConnectClient(w.httpClient(t, "", http2), url)

	sent := entry{subject: jwttest.DefaultSubject, authorization: "Bearer " + w.issuer.Token()}
	if err := user.unary(t.Context(), []string{sent.authorization}); err != nil {
		t.Fatal(err)
	}
	for where, arrived := range map[string][]entry{"front": front.take(), "by gRPC": byGRPC.take(), "by Connect": byConnect.take()} {
		if len(arrived) == 0 || slices.ContainsFunc(arrived, func(e entry) bool { return e != sent }) {
			t.Errorf("%s: %d calls arrived, and not all with the user's token", where, len(arrived))
		}
	}
	if err := user.unary(t.Context(), nil); err == nil { // anonymous in front, and so behind it
		t.Error("the services behind let an anonymous caller in")
	}
	if ran := len(byGRPC.take()) + len(byConnect.take()); ran > 0 {
		t.Errorf("%d handlers ran", ran)
	}
}

// all makes all calls, one after the other.
func all(ctx context.Context, calls []map[string]callFunc) error {
	var failed []error
	for _, kinds := range calls {
		for _, call := range kinds {
			_, err := call(ctx, nil)
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// TestWhatIsRelayed has what goes out, for each kind of call.
func TestWhatIsRelayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified, relayed := w.verified(t)
	late := func() time.Time { return relayed.ValidUntil() }
	for name, test := range map[string]struct {
		ctx    context.Context //nolint:containedctx // it is what is tested
		config connectrelay.Config
		values []string
		want   string // that arrives
		code   codes.Code
		reason token.Reason
	}{
		"a verified token":                {verified, connectrelay.Config{}, nil, relayed.Authorization(), 0, ""},
		"no server decided":               {t.Context(), connectrelay.Config{}, nil, "", 0, ""},
		"a public method":                 {token.NewContext(verified, nil), connectrelay.Config{}, nil, "", 0, ""},
		"a value of the caller's":         {verified, connectrelay.Config{}, []string{"Bearer own"}, "Bearer own", 0, ""},
		"a value and no token":            {t.Context(), connectrelay.Config{}, []string{"Bearer own"}, "Bearer own", 0, ""},
		"two values":                      {t.Context(), connectrelay.Config{}, []string{"Bearer a", "Bearer b"}, "", codes.Internal, interceptor.ReasonRelayConflict},
		"a token that has ended":          {verified, connectrelay.Config{Now: late}, nil, "", codes.Unauthenticated, token.ReasonExpired},
		"a value after the token's end":   {verified, connectrelay.Config{Now: late}, []string{"Bearer own"}, "Bearer own", 0, ""},
		"another base URL":                {verified, connectrelay.Config{BaseURL: "https://next.example"}, nil, "", codes.Internal, interceptor.ReasonRelayInsecure},
		"another base URL, nothing to it": {t.Context(), connectrelay.Config{BaseURL: "https://next.example"}, nil, "", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var next journal
			url := w.serveWeb(t, connectEcho{journal: &next}.handler())
			test.config.Name = "front"
			for kind, call := range w.relayTo(t, url, test.config).calls() {
				_, err := call(test.ctx, test.values)
				arrived := next.take()
				if test.reason != "" {
					wantRefused(t, kind, err, test.code, test.reason)
				} else if err != nil || len(arrived) != 1 || arrived[0].authorization != test.want {
					t.Errorf("%s: %d calls arrived, or with another value: %v", kind, len(arrived), err)
				}
				if test.reason != "" && len(arrived) > 0 {
					t.Errorf("%s: the call went out", kind)
				}
			}
		})
	}
}

// wantRefused checks a refusal by the service in front.
func wantRefused(t *testing.T, kind string, err error, code codes.Code, reason token.Reason) {
	t.Helper()
	refusal, ok := connectrelay.RefusalFrom(err)
	if !ok || refusal.Code != code || refusal.Reason != reason || refusal.Hop != "front" {
		t.Errorf("%s: %+v, want %v and %s: %v", kind, refusal, code, reason, err)
	}
}

// TestAHeaderInAnotherLetterCase is a second value all the same.
func TestAHeaderInAnotherLetterCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified, _ := w.verified(t)
	var next journal
	client := w.relayTo(t, w.serveWeb(t, connectEcho{journal: &next}.handler()), connectrelay.Config{Name: "front"})
	request := connect.NewRequest(&echov1.EchoRequest{})
	request.Header()["authorization"] = []string{"Bearer own"}
	if _, err := client.echo.CallUnary(verified, request); err != nil {
		t.Fatal(err)
	}
	if arrived := next.take(); len(arrived) != 1 || arrived[0].authorization != "Bearer own" {
		t.Errorf("%d calls arrived, or not with the caller's value", len(arrived))
	}
	request = connect.NewRequest(&echov1.EchoRequest{})
	request.Header()["authorization"], request.Header()["Authorization"] = []string{"Bearer a"}, []string{"Bearer b"}
	_, err := client.echo.CallUnary(verified, request)
	wantRefused(t, "unary", err, codes.Internal, interceptor.ReasonRelayConflict)
}

// TestAStreamEndsWithItsToken has a next service that never ends by itself.
func TestAStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified, relayed := w.verified(t)
	url := w.serveWeb(t, connectEcho{journal: new(journal), then: func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}}.handler())
	for name, options := range map[string][]connect.ClientOption{
		"Connect": nil, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Bool
			almost := func() time.Time { // when it is opened, and then when its headers go
				asked.Store(true)
				return relayed.ValidUntil().Add(-200 * time.Millisecond)
			}
			client := w.relayTo(t, url, connectrelay.Config{Name: "front", Now: almost}, options...)
			for kind, call := range client.calls() {
				if kind != "unary" { // whose deadline is left alone
					_, err := call(verified, nil)
					wantRefused(t, kind, err, codes.Unauthenticated, token.ReasonExpired)
				}
			}
			if !asked.Load() {
				t.Error("nobody asked what time it is")
			}
		})
	}
}

// TestAStreamThatSendsNothing has its headers go when it is closed.
func TestAStreamThatSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified, relayed := w.verified(t)
	var next journal
	url := w.serveWeb(t, connectEcho{journal: &next}.handler())
	if _, err := w.relayTo(t, url, connectrelay.Config{}).collect.CallClientStream(verified).CloseAndReceive(); err != nil {
		t.Fatal(err)
	}
	if arrived := next.take(); len(arrived) != 1 || arrived[0].authorization != relayed.Authorization() {
		t.Errorf("%d calls arrived, or without the token", len(arrived))
	}
	late := w.relayTo(t, url, connectrelay.Config{Name: "front", Now: relayed.ValidUntil})
	_, err := late.collect.CallClientStream(verified).CloseAndReceive()
	wantRefused(t, "close", err, codes.Unauthenticated, token.ReasonExpired)

	stream := late.chat.CallBidiStream(verified)
	for range 2 { // as often as it tries
		wantRefused(t, "send", stream.Send(&echov1.EchoRequest{}), codes.Unauthenticated, token.ReasonExpired)
	}
	wantRefused(t, "close", stream.CloseRequest(), codes.Unauthenticated, token.ReasonExpired)
	_, err = stream.Receive()
	wantRefused(t, "receive", err, codes.Unauthenticated, token.ReasonExpired)
	if err := stream.CloseResponse(); err != nil {
		t.Error(err)
	}
	if arrived := next.take(); len(arrived) > 0 {
		t.Error("the refused stream went out")
	}
}

// witness is an interceptor that sees the context of a stream.
type witness struct {
	connect.Interceptor
	ctx chan context.Context
}

func (w witness) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		w.ctx <- ctx
		return next(ctx, spec)
	}
}

// TestAStreamThatEndedDoesNotEndAgain has a token that ends after the stream.
func TestAStreamThatEndedDoesNotEndAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified, relayed := w.verified(t)
	url := w.serveWeb(t, connectEcho{journal: new(journal)}.handler())
	const left = 300 * time.Millisecond
	seen := witness{connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc { return next }), make(chan context.Context, 1)}
	relay, err := connectrelay.New(connectrelay.Config{BaseURL: url, Now: func() time.Time { return relayed.ValidUntil().Add(-left) }})
	if err != nil {
		t.Fatal(err)
	}
	stream := newConnectClient(w.httpClient(t, "", http2), url, connect.WithInterceptors(relay, seen)).chat.CallBidiStream(verified)
	if err := errors.Join(stream.Send(&echov1.EchoRequest{}), stream.CloseRequest(), drain(stream.Receive)); err != nil {
		t.Fatal(err)
	}
	ctx := <-seen.ctx
	time.Sleep(2 * left)
	if err := context.Cause(ctx); err != nil {
		t.Errorf("the end of the token still ended it: %v", err)
	}
	if err := stream.CloseResponse(); err != nil || !errors.Is(context.Cause(ctx), context.Canceled) {
		t.Errorf("closing it leaves its context: %v", err)
	}
}

// TestTheCallersOwnEndStaysItsOwn has a caller that gives up.
func TestTheCallersOwnEndStaysItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified, _ := w.verified(t)
	url := w.serveWeb(t, connectEcho{journal: new(journal), then: func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}}.handler())
	ctx, cancel := context.WithTimeout(verified, 100*time.Millisecond)
	defer cancel()
	for kind, call := range w.relayTo(t, url, connectrelay.Config{}).calls() {
		if _, err := call(ctx, nil); connect.CodeOf(err) != connect.CodeDeadlineExceeded {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestNoRedirectIsFollowed has a service that answers by a redirect to itself.
func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified, _ := w.verified(t)
	for _, code := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		var requests atomic.Int32
		url := w.serveWeb(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			http.Redirect(w, r, "/elsewhere", code)
		}))
		if err := w.relayTo(t, url, connectrelay.Config{}).unary(verified, nil); err == nil {
			t.Errorf("%d is no error", code)
		}
		if requests.Load() != 1 {
			t.Errorf("%d was followed", code)
		}
	}
	client := &http.Client{Timeout: time.Minute}
	if connectrelay.WithoutRedirects(client).Timeout != time.Minute || client.CheckRedirect != nil {
		t.Error("the client is not copied as it is")
	}
	if connectrelay.WithoutRedirects(nil).CheckRedirect == nil {
		t.Error("the default client follows redirects")
	}
}

// TestNewRefusesMistakes has base URLs that no token may go to.
func TestNewRefusesMistakes(t *testing.T) {
	t.Parallel()
	for url, says := range map[string]string{
		"http://next.example": "AllowPlaintext",
		"":                    "BaseURL",
		"next.example:443":    "BaseURL",
		"dns:///next.example": "BaseURL",
		"https://":            "BaseURL",
		"https://[::1":        "BaseURL",
	} {
		if _, err := connectrelay.New(connectrelay.Config{BaseURL: url}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error is %v, want one about %s", url, err, says)
		}
	}
	if _, err := connectrelay.New(connectrelay.Config{BaseURL: "http://127.0.0.1:8080", AllowPlaintext: true}); err != nil {
		t.Error(err)
	}
}

// TestOnAHandlerTheRelayDoesNothing lists it where it doesn't belong.
func TestOnAHandlerTheRelayDoesNothing(t *testing.T) {
	t.Parallel()
	relay, err := connectrelay.New(connectrelay.Config{BaseURL: "https://next.example"})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	var arrived journal
	service := connectEcho{journal: &arrived}
	mux := http.NewServeMux()
	mux.Handle(echoMethod, connect.NewUnaryHandler(echoMethod, service.echo, connect.WithInterceptors(relay)))
	mux.Handle(chatMethod, connect.NewBidiStreamHandler(chatMethod, service.chat, connect.WithInterceptors(relay)))
	client := newConnectClient(w.httpClient(t, "", http2), w.serveWeb(t, mux))
	value := "Bearer " + w.issuer.Token()
	if err := errors.Join(client.unary(t.Context(), []string{value}), client.bidi(t.Context(), []string{value})); err != nil {
		t.Fatal(err)
	}
	if got := arrived.take(); len(got) != 2 || got[0].authorization != value || got[1].authorization != value {
		t.Errorf("%d calls arrived, or with another value", len(got))
	}
}
