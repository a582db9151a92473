package jwttest

import (
	"fmt"
	"os"
	"testing"
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

// usable returns a TB that works wherever its keeper is used. That of a fuzz
// test panics when Helper is called inside of the fuzz target, which is just
// where tokens are made.
func usable(tb TB) TB {
	if f, ok := tb.(*testing.F); ok {
		return fuzzTB{f}
	}
	return tb
}

// fuzzTB is a fuzz test that does without the line of its caller.
type fuzzTB struct{ *testing.F }

// Helper does nothing.
func (fuzzTB) Helper() {}

// check fails the test if there is an error. None of this package holds a
// token or a secret.
func check(tb TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatalf("jwttest: %v", err)
	}
}
