package revocation_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jwtrelay/jwtrelay/revocation"
)

// noRoom is the file that a process of its own writes to, which may make no file
// longer than a few lines.
const noRoom = "REVOCATION_TEST_NO_ROOM"

// The kernel writes what fits, half a line at its end, and then refuses the rest, as
// it does when a disk is full.
func TestWhatDoesNotFitIsTakenBack(t *testing.T) {
	t.Parallel()
	if path := os.Getenv(noRoom); path != "" {
		writeTooMuch(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "revoked")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWhatDoesNotFitIsTakenBack$") //nolint:gosec // this test itself
	child.Env = append(os.Environ(), noRoom+"="+path)
	if output, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if text := textOf(t, path); text != sessionLines("s-1", "s-2") {
		t.Errorf("the file has\n%s", text)
	}
}

func writeTooMuch(t *testing.T, path string) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	w := writerTo(t, path)
	revokeSessions(t, w, "s-1")
	var many []revocation.Entry
	for i := range 10 {
		many = append(many, revocation.Session(fileIssuer, fmt.Sprint("many-", i)))
	}
	var room syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		t.Fatal(err)
	}
	room.Cur = uint64(len(sessionLines("s-1", "s-2", "s-3")) + 20)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		t.Fatal(err)
	}
	if err := w.Revoke(t.Context(), many...); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("got %v, want EFBIG", err)
	}
	if text := textOf(t, path); text != sessionLines("s-1") {
		t.Errorf("the file has\n%s", text)
	}
	revokeSessions(t, w, "s-2")
}
