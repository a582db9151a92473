package interceptor_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// recorder remembers what it was told.
type recorder struct {
	mu        sync.Mutex
	decisions []interceptor.Decision
	relayed   []interceptor.Relayed
}

func (r *recorder) Decided(_ context.Context, d interceptor.Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.decisions = append(r.decisions, d)
}

func (r *recorder) Relayed(_ context.Context, e interceptor.Relayed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.relayed = append(r.relayed, e)
}

func TestObserverSeesEachDecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forEachKind(t, func(t *testing.T, k kind) {
		var seen recorder
		server := w.server(t, interceptor.Authenticated(), interceptor.Name("A"), interceptor.WithObserver(&seen))
		client := serve(t, &service{}, server.Options()...)()
		raw := w.issuer.Token(jwttest.Audience("payroll"))
		if err := k.call(sending(t, "Bearer "+w.issuer.Token()), client); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, k.call(sending(t, "Bearer "+raw), client), codes.Unauthenticated, token.ReasonAudienceMismatch, "A")

		if len(seen.decisions) != 2 {
			t.Fatalf("%d decisions, want 2", len(seen.decisions))
		}
		in, out := seen.decisions[0], seen.decisions[1]
		if in.Method != k.method || in.Hop != "A" || in.Token.Subject() != jwttest.DefaultSubject || in.Reason != "" || in.Err != nil || in.Duration <= 0 {
			t.Errorf("let in: %+v", in)
		}
		if out.Method != k.method || out.Token != nil || out.Reason != token.ReasonAudienceMismatch || out.Err == nil {
			t.Errorf("refused: %+v", out)
		}
		wantLogged(t, out.Err, raw, string(out.Reason), k.method, "payroll")
	})
}

// wantLogged checks what the operator reads in a log.
func wantLogged(t *testing.T, err error, secret string, want ...string) {
	t.Helper()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Warn("refused", "err", err)
	for _, text := range want {
		if !strings.Contains(log.String(), text) {
			t.Errorf("the log does not say %q: %s", text, log.String())
		}
	}
	if strings.Contains(log.String(), secret[:40]) {
		t.Error("the log shows the token")
	}
}

func TestObserverSeesWhatGoesOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verified := w.verified(t)
	ctx := token.NewContext(t.Context(), verified)
	plaintext := grpc.WithTransportCredentials(insecure.NewCredentials())
	for name, test := range map[string]struct {
		ctx     context.Context //nolint:containedctx // what the row is about
		options []interceptor.ClientOption
		dial    grpc.DialOption
		sent    interceptor.Sent
		reason  token.Reason
	}{
		"a verified token":   {ctx, nil, private(), interceptor.SentVerified, ""},
		"a passed-on token":  {grpcmd.NewIncomingContext(t.Context(), grpcmd.Pairs("authorization", "Bearer x.y.z")), nil, private(), interceptor.SentIncoming, ""},
		"a source's":         {t.Context(), []interceptor.ClientOption{interceptor.WithSource(fixed("Bearer x.y.z", time.Time{}))}, private(), interceptor.SentSource, ""},
		"the caller's value": {grpcmd.AppendToOutgoingContext(ctx, "authorization", "Basic YTpi"), nil, private(), interceptor.SentCaller, ""},
		"nothing":            {t.Context(), nil, private(), interceptor.SentNothing, ""},
		"own":                {t.Context(), []interceptor.ClientOption{interceptor.Otherwise(own{})}, private(), interceptor.SentOwn, ""},
		"refused before":     {t.Context(), []interceptor.ClientOption{interceptor.RequireToken()}, private(), interceptor.SentNothing, token.ReasonMissing},
		"refused by a guard": {ctx, nil, plaintext, interceptor.SentNothing, interceptor.ReasonRelayInsecure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				var seen recorder
				client := newClient(t, append(test.options, interceptor.WithObserver(&seen))...)
				_ = k.call(test.ctx, serve(t, &service{})(append(client.DialOptions(), test.dial)...))
				if len(seen.relayed) != 1 {
					t.Fatalf("%d events, want 1: %v", len(seen.relayed), seen.relayed)
				}
				got := seen.relayed[0]
				if got.Method != k.method || got.Target != "passthrough:///next" || got.Sent != test.sent ||
					got.Reason != test.reason || (got.Err != nil) != (test.reason != "") {
					t.Errorf("got %+v", got)
				}
				if got.Err != nil {
					wantLogged(t, got.Err, verified.Raw(), string(test.reason), k.method, `"cause":"`)
				}
			})
		})
	}
}
