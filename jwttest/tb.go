package jwttest

import (
	"fmt"
	"os"
)

// TB is what this package needs of a test. Every [testing.TB] is one: pass
// your t or b. Fatalf must not return.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// NoTest is the [TB] for code that has none: an Example, a TestMain, a
// program. A mistake ends the process with status 1, and Cleanup forgets its
// function: call [Issuer.Close] instead.
type NoTest struct{}

// Helper does nothing.
func (NoTest) Helper() {}

// Cleanup does nothing.
func (NoTest) Cleanup(func()) {}

// Fatalf prints its message to standard error and ends the process.
func (NoTest) Fatalf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// check fails the test if there is an error. None of this package holds a
// token or a secret.
func check(tb TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatalf("jwttest: %v", err)
	}
}
