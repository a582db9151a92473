package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

// failingInbox takes no jobs.
type failingInbox struct{}

func (failingInbox) Put(context.Context, Job) error { return errors.New("disk full") }

func TestTheDesk(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		subject string // "" if there is no token
		inbox   inbox  // nil for the queue
		want    codes.Code
	}{
		"a user":         {"alice", nil, codes.OK},
		"nobody":         {"", nil, codes.Internal}, // the interceptor would not let them in
		"no room for it": {"alice", failingInbox{}, codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				d := &desk{inbox: w.queue, sealer: w.sealer, logger: w.logger}
				if test.inbox != nil {
					d.inbox = test.inbox
				}
				ctx, raw := t.Context(), ""
				if test.subject != "" {
					raw = must(w.issuer.Sign(test.subject, time.Hour))
					ctx = token.NewContext(ctx, must(w.verifier().Verify(ctx, raw)))
				}
				response, err := d.Echo(ctx, &echov1.EchoRequest{Message: "export"})
				if status.Code(err) != test.want {
					t.Fatalf("got %v", err)
				}
				if test.want != codes.OK {
					if jobs := w.queue.jobs(); len(jobs) > 0 || response != nil {
						t.Errorf("queued %v", jobs)
					}
					return
				}
				job := w.queue.job(response.GetMessage())
				if opened, err := w.sealer.open(job); opened != raw || err != nil {
					t.Errorf("the job does not hold the token: %v", err)
				}
				if job.Owner != (token.Principal{Issuer: w.issuer.URL, Subject: "alice"}) || job.Task != "export" {
					t.Errorf("got %+v", job)
				}
			})
		})
	}
}
