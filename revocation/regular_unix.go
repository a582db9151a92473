//go:build unix

package revocation

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// nonBlocking keeps the opening of a pipe from waiting for its other end.
const nonBlocking = syscall.O_NONBLOCK

// fileID says which file it is, whatever its name.
func fileID(info os.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%x-%x", stat.Dev, stat.Ino)
}

// syncDir makes the names in a directory survive a crash.
func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // that of a file that the operator chose
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
