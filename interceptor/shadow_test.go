package interceptor_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestShadow has every kind of refusal: all are let in and reported, and only
// tokens that were verified get to the handler, and to the next service.
func TestShadow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.issuer.Token(jwttest.Scopes("read"))
	const elsewhere = "/grpc.testing.TestService/EmptyCall"
	for name, test := range map[string]struct {
		policy  interceptor.Policy
		values  []string
		want    token.Reason // of the report; "" if there is none
		relayed bool
	}{
		"good":               {interceptor.Authenticated(), []string{"Bearer " + good}, "", true},
		"public":             {interceptor.Public(allMethods()...), []string{"Bearer " + good}, "", false},
		"no rule":            {interceptor.Authenticated(elsewhere), []string{"Bearer " + good}, interceptor.ReasonNoPolicy, false},
		"no token":           {interceptor.Authenticated(), nil, token.ReasonMissing, false},
		"malformed":          {interceptor.Authenticated(), []string{"Bearer x"}, token.ReasonMalformed, false},
		"two values":         {interceptor.Authenticated(), []string{"Bearer " + good, "Bearer " + good}, token.ReasonMalformed, false},
		"expired":            {interceptor.Authenticated(), []string{"Bearer " + w.issuer.Token(jwttest.Expired(time.Hour))}, token.ReasonExpired, false},
		"forged":             {interceptor.Authenticated(), []string{"Bearer " + w.issuer.Token(jwttest.Forged())}, token.ReasonSignatureInvalid, false},
		"optional, forged":   {interceptor.Optional(allMethods()...), []string{"Bearer " + w.issuer.Token(jwttest.Forged())}, token.ReasonSignatureInvalid, false},
		"scope insufficient": {interceptor.Authenticated().With(interceptor.Scopes("write")), []string{"Bearer " + good}, interceptor.ReasonScopeInsufficient, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, k kind) {
				var report, all recorder
				shadow := w.server(t, test.policy, interceptor.Shadow(&report), interceptor.WithObserver(&all), interceptor.Name("A"))
				next := &service{}
				relay := serve(t, next)(append(newClient(t, interceptor.VerifiedOnly()).DialOptions(), private())...)
				impl := &service{next: relay}
				if err := k.call(sending(t, test.values...), serve(t, impl, shadow.Options()...)()); err != nil {
					t.Fatalf("refused: %v", err)
				}
				if found := impl.seen()[0].found; found != test.relayed {
					t.Errorf("the handler finds a caller: %v, want %v", found, test.relayed)
				}
				if got := len(next.seen()[0].values); (got == 1) != test.relayed {
					t.Errorf("%d values were relayed", got)
				}
				wantReport(t, &report, &all, test.want, test.relayed)
			})
		})
	}
}

// wantReport checks what the report and the observer of all calls were told.
func wantReport(t *testing.T, report, all *recorder, want token.Reason, verified bool) {
	t.Helper()
	if len(all.decisions) != 1 || all.decisions[0].Reason != want {
		t.Errorf("the observer was told %+v", all.decisions)
	}
	if want == "" {
		if len(report.decisions) != 0 || all.decisions[0].Shadow {
			t.Errorf("%+v is reported", report.decisions)
		}
		return
	}
	if len(report.decisions) != 1 {
		t.Fatalf("%d reports", len(report.decisions))
	}
	d := report.decisions[0]
	if !d.Shadow || d.Reason != want || d.Err == nil || d.Hop != "A" || (d.Token != nil) != verified {
		t.Errorf("reported %+v", d)
	}
	if !slices.Equal(report.decisions, all.decisions) {
		t.Error("the two were told different things")
	}
}

func TestShadowInAuthFunc(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var report recorder
	ctx, err := w.server(t, interceptor.Authenticated(), interceptor.Shadow(&report)).AuthFunc()(t.Context())
	if err != nil || len(report.decisions) != 1 {
		t.Fatalf("got %v and %d reports", err, len(report.decisions))
	}
	if caller, decided := token.Decided(ctx); caller != nil || !decided {
		t.Errorf("the caller is %v, decided: %v", caller, decided)
	}
}

func TestShadowNeedsAReader(t *testing.T) {
	t.Parallel()
	_, err := interceptor.NewServer(newWorld(t).verifier, interceptor.Authenticated(), interceptor.Shadow(nil))
	if err == nil || !strings.Contains(err.Error(), "Shadow(nil)") {
		t.Errorf("got %v", err)
	}
}

// TestPolicyRefusalsSayWho has the same for a server that refuses: who it
// was is known, and nothing reaches the handler.
func TestPolicyRefusalsSayWho(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forEachKind(t, func(t *testing.T, k kind) {
		var seen recorder
		impl := &service{}
		server := w.server(t, interceptor.Authenticated().With(interceptor.Scopes("write")), interceptor.WithObserver(&seen))
		err := k.call(sending(t, "Bearer "+w.issuer.Token()), serve(t, impl, server.Options()...)(), grpc.WaitForReady(true))
		wantRefusal(t, err, codes.PermissionDenied, interceptor.ReasonScopeInsufficient, "")
		d := seen.decisions[0]
		if d.Token.Subject() != jwttest.DefaultSubject || d.Shadow || d.Fingerprint != d.Token.Fingerprint() || len(impl.seen()) != 0 {
			t.Errorf("told %+v, %d calls served", d, len(impl.seen()))
		}
	})
}
