//go:build unix

package keyset_test

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// Opening a pipe that nobody writes to would hold the watcher, and Close, for
// good.
func TestFileReplacedByAPipeKeepsTheKeys(t *testing.T) {
	t.Parallel()
	watch(t, func(t *testing.T, w *watched) {
		if err := errors.Join(os.Remove(w.path), syscall.Mkfifo(w.path, 0o600)); err != nil {
			t.Fatal(err)
		}
		w.polls(3)
		w.wantWhileBroken("a", "b")
		if n := w.log.count("not a regular file"); n != 1 {
			t.Errorf("%d warnings:\n%s", n, w.log)
		}
	})
}
