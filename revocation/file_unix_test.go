//go:build unix

package revocation_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"time"

	"github.com/jwtrelay/jwtrelay/revocation"
)

func TestNobodyWaitsForAPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readOnce(t, feedOf(t, path), ""); err == nil {
		t.Error("it was read")
	}
	if _, err := revocation.OpenFileWriter(path, revocation.FileWriterConfig{MaxLifetime: time.Hour}); err == nil {
		t.Error("it was opened to write to")
	}
}
