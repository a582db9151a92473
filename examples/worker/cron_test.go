package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/worker/scenery"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestACronJobGoesOn(t *testing.T) {
	t.Parallel()
	for name, result := range map[string]error{"if it goes well": nil, "if it fails": errors.New("oops")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				log := new(scenery.Record)
				times := 0
				c := cron{every: time.Hour, limit: time.Minute, logger: slog.New(slog.NewTextHandler(log, nil)), do: func(ctx context.Context) error {
					times++
					if until, ok := ctx.Deadline(); !ok || time.Until(until) != time.Minute {
						t.Errorf("it may go on until %v", until)
					}
					return result
				}}
				ctx, cancel := context.WithTimeout(t.Context(), 150*time.Minute)
				defer cancel()
				c.run(ctx)
				if times != 3 || (log.String() == "") != (result == nil) {
					t.Errorf("done %d times, logged %q", times, log)
				}
			})
		})
	}
}

// TestACronJobIsNobodys has contexts of calls. What goes out in them would be
// the caller's, so the job is not done.
func TestACronJobIsNobodys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		alice := must(w.verifier().Verify(t.Context(), must(w.issuer.Sign("alice", time.Hour))))
		worker := must(newWorker(t.Context(), w.config(), w.queue))
		defer func() { _ = worker.close() }()
		for _, caller := range []*token.Token{alice, nil} { // a user, and an anonymous one
			if err := worker.cron.once(token.NewContext(t.Context(), caller)); !errors.Is(err, errSomebodys) {
				t.Errorf("in the context of %v's call: %v", caller, err)
			}
		}
		if err := worker.cron.once(t.Context()); err != nil {
			t.Error(err)
		}
		w.wantVisits(reportTask, workerName, 1)
	})
}
