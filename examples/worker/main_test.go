package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
)

func TestItPlays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stdout, log bytes.Buffer
		if err := run(t.Context(), &stdout, &log); err != nil {
			t.Fatalf("%v\n%s\n%s", err, &stdout, &log)
		}
		for _, want := range []string{"TOKEN_EXPIRED, needs the user again", "\nAll of it was as it says.\n"} {
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
		var stdout, log bytes.Buffer
		if err := run(ended, &stdout, &log); err == nil || !strings.Contains(stdout.String(), "FAILED") {
			t.Errorf("%v\n%s", err, &stdout)
		}
	})
}
