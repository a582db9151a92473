package interceptor_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestLogRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var lines bytes.Buffer
	logged := interceptor.LogRefusals(slog.New(slog.NewTextHandler(&lines, nil)))
	asking := interceptor.Authenticated().With(interceptor.Scopes("write"))
	good, forged, short := w.issuer.Token(jwttest.Scopes("write")), w.issuer.Token(jwttest.Forged()), w.issuer.Token()
	call := func(raw string, options ...interceptor.ServerOption) string {
		lines.Reset()
		server := w.server(t, asking, append(options, interceptor.Name("A"))...)
		_ = callUnary(sending(t, "Bearer "+raw), serve(t, &service{}, server.Options()...)())
		return lines.String()
	}
	for name, test := range map[string]struct {
		line string
		says []string
	}{
		"forged": {call(forged, interceptor.WithObserver(logged)), []string{
			`level=WARN msg="call refused" token=` + token.Fingerprint(forged), "refusal.reason=SIGNATURE_INVALID",
			"refusal.method=" + unaryCall, "refusal.hop=A", "refusal.cause="}},
		"without the scope": {call(short, interceptor.WithObserver(logged)), []string{
			`msg="call refused"`, "refusal.reason=SCOPE_INSUFFICIENT", "needs scope write", "principal=" + jwttest.DefaultSubject + "@"}},
		"in shadow": {call(short, interceptor.Shadow(logged)), []string{`msg="call would be refused"`}},
	} {
		for _, want := range test.says {
			if !strings.Contains(test.line, want) || strings.Count(test.line, "\n") != 1 {
				t.Errorf("%s: %q doesn't say %q, once", name, test.line, want)
			}
		}
		for part := range strings.SplitSeq(forged+"."+short, ".") {
			if strings.Contains(test.line, part) {
				t.Errorf("%s: a part of a token is logged", name)
			}
		}
	}
	if line := call(good, interceptor.WithObserver(logged)); line != "" {
		t.Errorf("what is let in is logged: %s", line)
	}
	if line := call(forged, interceptor.WithObserver(interceptor.LogRefusals(nil))); line != "" {
		t.Errorf("a nil logger logs %s", line)
	}
}

func TestLogRefusalsOfTheRelay(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	logged := interceptor.WithObserver(interceptor.LogRefusals(slog.New(slog.NewTextHandler(&lines, nil))))
	client := serve(t, &service{})(newClient(t, interceptor.RequireToken(), logged).DialOptions()...)
	wantRefusal(t, callUnary(sending(t), client), codes.Unauthenticated, token.ReasonMissing, "")
	for _, want := range []string{`msg="relay refused"`, "target=passthrough:///next", "refusal.reason=TOKEN_MISSING"} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("%q doesn't say %q", lines.String(), want)
		}
	}
}
