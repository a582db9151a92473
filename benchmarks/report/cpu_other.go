//go:build !unix

package main

import "time"

// start is before everything that is measured.
var start = time.Now() //nolint:gochecknoglobals // it is never written to

// cpuTime returns wall time: what the process has used is known on unix only.
func cpuTime() time.Duration { return time.Since(start) }
