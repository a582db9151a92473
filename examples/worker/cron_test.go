package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

func TestACronJobThatFailsGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		times := 0
		c := cron{every: time.Hour, limit: time.Minute, logger: slog.New(slog.NewTextHandler(&log, nil)), do: func(ctx context.Context) error {
			times++
			<-ctx.Done()
			return errors.New("oops")
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Minute)
		defer cancel()
		c.run(ctx)
		if times != 3 || strings.Count(log.String(), "oops") != 3 {
			t.Errorf("done %d times, logged %s", times, &log)
		}
	})
}

// TestACronJobIsNobodys has contexts of calls. What goes out in them would be
// the caller's, so the job is not done.
func TestACronJobIsNobodys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.startArchive()()
		alice := w.alice()
		for _, caller := range []*token.Token{alice, nil} { // a user, and an anonymous one
			if err := w.worker.cron.once(token.NewContext(t.Context(), caller)); !errors.Is(err, errSomebodys) {
				t.Errorf("in the context of %v's call: %v", caller, err)
			}
		}
		if err := w.worker.cron.once(t.Context()); err != nil {
			t.Error(err)
		}
		w.wantVisits(reportTask, workerName, 1)
	})
}
