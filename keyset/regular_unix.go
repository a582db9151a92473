//go:build unix

package keyset

import (
	"errors"
	"os"
	"slices"
	"syscall"
)

// nonBlocking keeps the opening of a pipe from waiting for its other end.
const nonBlocking = syscall.O_NONBLOCK

// checkOwner reports a file that somebody else could have written.
func checkOwner(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch mode := info.Mode().Perm(); {
	case !ok:
		return errors.New("its owner can't be told")
	case stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return errors.New("it belongs to another user")
	case mode&0o002 != 0, mode&0o020 != 0 && !isOwnGroup(int(stat.Gid)):
		return errors.New("others may write to it")
	default:
		return nil
	}
}

// isOwnGroup reports whether the process is in a group. Kubernetes makes all on a
// volume writable for the pod's own (fsGroup).
func isOwnGroup(gid int) bool {
	if gid == os.Getegid() {
		return true
	}
	groups, err := os.Getgroups()
	return err == nil && slices.Contains(groups, gid)
}
