//go:build unix

package main

import (
	"syscall"
	"time"
)

// cpuTime returns the CPU time that the process has used, in user and kernel mode.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0 // it can't fail with these arguments (POSIX getrusage)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
