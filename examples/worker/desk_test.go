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

func TestTheDeskSealsTheToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		alice := w.ask(t.Context(), "alice", time.Hour)
		job := must(w.queue.Lease(t.Context())).Job
		if opened, err := w.sealer.open(job); opened != alice.raw || err != nil {
			t.Errorf("the job does not hold the token: %v", err)
		}
		owner := token.Principal{Issuer: w.issuer.URL(), Subject: "alice"}
		if job.ID != alice.id || job.Owner != owner || job.Task != "export" {
			t.Errorf("got %+v", job)
		}
	})
}

// failingInbox takes no jobs.
type failingInbox struct{}

func (failingInbox) Put(context.Context, Job) error { return errors.New("disk full") }

func TestTheDeskSaysThatItTookNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d := &desk{inbox: failingInbox{}, sealer: w.sealer, logger: w.logger}
		for want, ctx := range map[codes.Code]context.Context{
			codes.Internal:    t.Context(), // nobody: the interceptor would not let them in
			codes.Unavailable: token.NewContext(t.Context(), w.alice()),
		} {
			if response, err := d.Echo(ctx, new(echov1.EchoRequest)); status.Code(err) != want || response != nil {
				t.Errorf("got %v, want %v", err, want)
			}
		}
	})
}
