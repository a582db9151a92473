package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// hang works until it is told to stop, as a call to a service that says nothing.
func hang(ctx context.Context, _ Job) error {
	<-ctx.Done()
	return status.FromContextError(ctx.Err()).Err()
}

// newConsumer returns a consumer for the tokens of the issuer, which does
// nothing well.
func newConsumer(t *testing.T, issuer *jwttest.Issuer, options ...token.VerifierOption) *consumer {
	t.Helper()
	c := newWorld(t).worker.consumer
	c.do = func(context.Context, Job) error { return nil }
	c.verifier = must(token.NewVerifier([]token.Issuer{
		{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()},
	}, options...))
	return &c
}

// TestWhatBecomesOfAJob has what may be in a queue, and what may happen to it.
func TestWhatBecomesOfAJob(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		token   jwttest.TokenOption
		spoil   func(*Job)
		do      func(context.Context, Job) error // nil if it must not come to that
		want    Outcome
		askUser bool
	}{
		"all is well":      {do: func(context.Context, Job) error { return nil }, want: Outcome{Fate: Done}},
		"ended":            {token: jwttest.Expired(time.Hour), want: dead("TOKEN_EXPIRED"), askUser: true},
		"forged":           {token: jwttest.Forged(), want: dead("SIGNATURE_INVALID")},
		"another audience": {token: jwttest.Audience("payroll"), want: dead("AUDIENCE_MISMATCH")},
		"revoked since":    {token: jwttest.ID("revoked"), want: dead("TOKEN_REVOKED"), askUser: true},
		"no token":         {spoil: func(j *Job) { j.Sealed = nil }, want: dead(reasonSeal)},
		"another task":     {spoil: func(j *Job) { j.Task = "transfer" }, want: dead(reasonSeal)},
		"another owner":    {spoil: func(j *Job) { j.Owner.Subject = "mallory" }, want: dead(reasonSeal)},
		"denied":           {do: failing(codes.PermissionDenied), want: dead("PermissionDenied")},
		"a bug":            {do: func(context.Context, Job) error { return errors.New("oops") }, want: dead("Unknown")},
		"an outage":        {do: failing(codes.Unavailable), want: Outcome{Fate: Later, Reason: "Unavailable"}},
		"too slow":         {do: hang, want: Outcome{Fate: Later, Reason: "DeadlineExceeded"}},
		"ends meanwhile":   {token: jwttest.ExpiresIn(time.Second), do: hang, want: dead("TOKEN_EXPIRED"), askUser: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := jwttest.NewIssuer(t, jwttest.InMemory())
				c := newConsumer(t, issuer, token.Leeway(0), token.WithRevocations(revoked{}), token.MaxLifetime(24*time.Hour))
				c.do = test.do
				if c.do == nil {
					c.do = func(context.Context, Job) error { t.Error("it was done"); return nil }
				}
				got := c.attempt(t.Context(), Lease{Job: queued(c, issuer, test.token, test.spoil), Attempt: 1})
				got.After = 0 // see TestOutcomes
				if got != test.want || got.NeedsUser() != test.askUser {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
			})
		})
	}
}

// queued returns a job with a token, as it comes out of a queue.
func queued(c *consumer, issuer *jwttest.Issuer, with jwttest.TokenOption, spoil func(*Job)) Job {
	var options []jwttest.TokenOption
	if with != nil {
		options = append(options, with)
	}
	job := c.sealer.seal(Job{ID: "1", Owner: token.Principal{Issuer: issuer.URL(), Subject: "alice"}, Task: "export"}, issuer.Token(options...))
	if spoil != nil {
		spoil(&job)
	}
	return job
}

func dead(reason string) Outcome { return Outcome{Fate: Dead, Reason: reason} }

func failing(code codes.Code) func(context.Context, Job) error {
	return func(context.Context, Job) error { return status.Error(code, "no") }
}

// revoked is a list of the tokens that say it of themselves.
type revoked struct{}

func (revoked) Revoked(t *token.Token) (bool, error) { return t.ID() == "revoked", nil }

func (revoked) Covers(_, _ time.Duration) error { return nil }

func (revoked) OnRevoked(*token.Token, func()) (stop func()) { return func() {} }

// TestBeforeSomebodyIsVerifiedItIsNobody has the context in which keys are
// looked up: a credential of the service must not be found by way of it.
func TestBeforeSomebodyIsVerifiedItIsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := jwttest.NewIssuer(t, jwttest.InMemory())
		c := newConsumer(t, issuer)
		asked := false
		keys := watched{issuer.Keys(), func(ctx context.Context) {
			asked = true
			if caller, decided := token.Decided(ctx); caller != nil || !decided {
				t.Errorf("it is %v, %v", caller, decided)
			}
		}}
		c.verifier = must(token.NewVerifier([]token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: keys}}))
		if err := c.work(t.Context(), queued(c, issuer, nil, nil)); err != nil || !asked {
			t.Error(err, asked)
		}
	})
}

// watched are keys that say when they are asked for.
type watched struct {
	keyset.Set
	asked func(context.Context)
}

func (w watched) Key(ctx context.Context, id string, alg keyset.Algorithm) (*keyset.Key, error) {
	w.asked(ctx)
	return w.Set.Key(ctx, id, alg)
}
