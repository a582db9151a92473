package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	watchv1 "github.com/jwtrelay/jwtrelay/examples/gen/watch/v1"
)

func TestItPlays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stdout bytes.Buffer
		log := new(lockedBuffer)
		if err := run(t.Context(), &stdout, log); err != nil {
			t.Fatalf("%v\n%s\n%s", err, &stdout, log)
		}
		for _, want := range []string{"TOKEN_EXPIRED, the next stream at once", "TOKEN_REVOKED, log in again", "\nAll of it was as it says.\n"} {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("no %q in\n%s", want, &stdout)
			}
		}
		if text := stdout.String() + log.String(); strings.Contains(text, "FAILED") || strings.Contains(text, "eyJhbGci") {
			t.Error(text)
		}
	})
}

// TestItSaysSoIfNot has a run that can't go well.
func TestItSaysSoIfNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		var stdout bytes.Buffer
		if err := run(ended, &stdout, new(lockedBuffer)); err == nil || !strings.Contains(stdout.String(), "FAILED") {
			t.Errorf("%v\n%s", err, &stdout)
		}
	})
}

// TestTheStoryNoticesWhatIsWrong has watchers that lose a change, or handle it twice.
func TestTheStoryNoticesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, times := range map[string]int{"lost": 0, "doubled": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var stdout bytes.Buffer
				stage := must(newStage(new(lockedBuffer), time.Second))
				conn := must(dial("passthrough:///changes", stage.session.credential, stage.toService(), stage.logger))
				defer func() { _ = conn.Close() }()
				s := newStory(stage, conn, &stdout)
				s.watcher.Handle = func(ctx context.Context, change *watchv1.WatchResponse) error {
					n := 1
					if change.GetSequence() == 7 {
						n = times
					}
					for range n {
						_ = s.seen.handle(ctx, change)
					}
					return nil
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				if s.play(ctx); !s.failed || !strings.Contains(stdout.String(), "FAILED  each of the changes") {
					t.Errorf("it is content:\n%s", &stdout)
				}
			})
		})
	}
}
