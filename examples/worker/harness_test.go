package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

// world is a stage in a test, with a worker that is in no hurry. Make it in a
// bubble: its time then costs nothing.
type world struct {
	*story
	t      *testing.T
	worker *worker
	log    *bytes.Buffer // read it when nothing runs any more
}

func newWorld(t *testing.T) *world {
	t.Helper()
	log := new(bytes.Buffer)
	w := &world{story: &story{stage: must(newStage(log)), w: io.Discard}, t: t, log: log}
	w.worker = must(w.newWorker(t.Context()))
	w.worker.cron.every = 10 * time.Minute
	w.worker.cron.limit, w.worker.consumer.limit = 30*time.Second, 30*time.Second
	w.worker.consumer.pauses = backoff{time.Second, time.Minute}
	t.Cleanup(func() {
		_ = w.worker.close()
		if text := log.String(); strings.Contains(text, "eyJ") || strings.Contains(text, w.endpoint.secret) || w.failed {
			t.Errorf("failed: %v, or a token or a secret is in the log: %s", w.failed, text)
		}
	})
	return w
}

// alice returns a token of hers, verified.
func (w *world) alice() *token.Token {
	w.t.Helper()
	o := w.ask(w.t.Context(), "alice", time.Hour)
	return must(w.verifier.Verify(w.t.Context(), o.raw))
}

// wantVisits checks who called the archive for one thing, and how often.
func (w *world) wantVisits(message, subject string, n int) {
	w.t.Helper()
	visits := w.archive.of(message)
	if len(visits) != n {
		w.t.Errorf("%s: the archive was called %d times, want %d", message, len(visits), n)
	}
	for _, v := range visits {
		if v.subject != subject {
			w.t.Errorf("%s: the archive was called as %s, want %s", message, v.subject, subject)
		}
	}
}

// must is for what can't go wrong.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
