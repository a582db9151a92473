package main

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/examples/worker/scenery"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestItPlays(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), nil, &stdout, &stderr); status != 0 || stderr.Len() > 0 {
		t.Fatalf("status %d\n%s\n%s", status, &stdout, &stderr)
	}
	for _, want := range []string{
		`The archive verified worker\.`,
		`report of the day +\d+ +worker +`,
		`export for alice +1 +alice +[0-9a-f]{8}\n`,
		`dead letter: TOKEN_EXPIRED, needs the user again`,
		`export for bob +0 +- +-\n`,
		`export for carol +1 +carol +`,
		`each try ended with Unavailable`,
		`export for dave +1 +dave +`,
		`each try ended with KEYS_UNAVAILABLE`,
		`All of it was as it says\.\n$`,
	} {
		if !regexp.MustCompile(want).Match(stdout.Bytes()) {
			t.Errorf("no %s in\n%s", want, &stdout)
		}
	}
	if strings.Contains(stdout.String(), "FAILED") || strings.Contains(stdout.String(), "eyJ") {
		t.Errorf("printed\n%s", &stdout)
	}
}

// TestItSaysSoIfNot has runs that can't go well.
func TestItSaysSoIfNot(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args   []string
		status int
		stderr string
	}{
		"interrupted": {nil, 1, scenery.ErrFailed.Error()},
		"arguments":   {[]string{"-v"}, 2, "no arguments"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			var stdout, stderr bytes.Buffer
			if status := run(ended, test.args, &stdout, &stderr); status != test.status || !strings.Contains(stderr.String(), test.stderr) {
				t.Errorf("status %d\n%s\n%s", status, &stdout, &stderr)
			}
		})
	}
}

// TestTheAccountIsChecked has lies that must not be told as truths.
func TestTheAccountIsChecked(t *testing.T) {
	t.Parallel()
	issuer := must(scenery.NewIssuer("https://id.example.com", audience, workerName))
	raw := must(issuer.Sign("alice", time.Hour))
	alice := order{user: "alice", id: "1", raw: raw}
	visit := func(s *stage, message, subject string) {
		s.orders = []order{alice}
		s.queue.put["1"] = Job{ID: "1", Task: "export"}
		_, _ = s.archive.Echo(as(t, subject), &echov1.EchoRequest{Message: message})
	}
	export := taskOf(Job{ID: "1", Task: "export"})
	for name, lie := range map[string]func(s *stage){
		"a token in the log":                    func(s *stage) { s.logger.Info(raw) },
		"a part of one":                         func(s *stage) { s.Say("%s", strings.Split(raw, ".")[1]) },
		"the secret in the log":                 func(s *stage) { s.logger.Info(issuer.Secret) },
		"a job that is left":                    func(s *stage) { _ = s.queue.Put(t.Context(), Job{ID: "2"}) },
		"a job done as the service":             func(s *stage) { visit(s, export, workerName) },
		"a job done as somebody else":           func(s *stage) { visit(s, export, "bob") },
		"a job done with another of her tokens": func(s *stage) { visit(s, export, "alice") },
		"a report by a user":                    func(s *stage) { visit(s, reportTask, "alice") },
		"a call for nothing":                    func(s *stage) { visit(s, "transfer", "alice") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(new(scenery.Record), new(scenery.Record))
			s.issuer = issuer
			if err := playAccount(t.Context(), s); err != nil || s.End(nil) != nil {
				t.Error("the truth does not hold")
			}
			lie(s)
			if err := errors.Join(playAccount(t.Context(), s), s.End(nil)); !errors.Is(err, scenery.ErrFailed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// as returns the context of a call by the subject.
func as(t *testing.T, subject string) context.Context {
	t.Helper()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	verifier := must(token.NewVerifier([]token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()}}))
	return token.NewContext(t.Context(), must(verifier.Verify(t.Context(), issuer.Token(jwttest.Subject(subject)))))
}
