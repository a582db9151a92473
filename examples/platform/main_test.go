package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/examples/platform/demo"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
)

const (
	// asPlatform makes the test binary the platform itself, as whose roles the
	// demo starts it.
	asPlatform = "PLATFORM_TEST_AS_PLATFORM"

	// misled is the role that is told to accept tokens for somebody else.
	misled = "PLATFORM_TEST_MISLED"

	// mute is the role that ends before it has said anything.
	mute = "PLATFORM_TEST_MUTE"
)

func TestMain(m *testing.M) {
	if os.Getenv(asPlatform) == "" {
		os.Exit(m.Run())
	}
	args := os.Args[1:]
	switch args[0] {
	case os.Getenv(misled):
		args = append(args, "-audience", "somebody-else")
	case os.Getenv(mute):
		os.Exit(3)
	}
	os.Exit(run(context.Background(), process.Env{Args: args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
}

// play plays the demo. It returns what was told, what was logged, and the
// demo's error, and checks that no file is left.
func play(ctx context.Context, t *testing.T, story func(stdout *bytes.Buffer) io.Writer, env ...string) (stdout, stderr string, err error) {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var out, logs bytes.Buffer
	err = demo.Play(ctx, demo.Config{
		Executable: executable,
		Env:        append([]string{asPlatform + "=1"}, env...),
		TempDir:    dir,
		Stdout:     story(&out),
		Stderr:     &logs,
	})
	left, dirErr := os.ReadDir(dir)
	if dirErr != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, dirErr)
	}
	return out.String(), logs.String(), err
}

func plain(stdout *bytes.Buffer) io.Writer { return stdout }

func TestDemoHolds(t *testing.T) {
	t.Parallel()
	stdout, stderr, err := play(t.Context(), t, plain)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, stdout, stderr)
	}
	if stderr != "" {
		t.Errorf("logs are shown though all went well:\n%s", stderr)
	}
	for _, want := range []string{
		"1. One order", "2. A stream", "3. What is refused", "4. Who may do what", "5. A stolen token",
		"6. Fifty users", "7. Logged out", "8. The auth service is killed", "the keys that it kept in a file",
		"gateway     GatewayService/PlaceOrder", "pricing     PricingService/QuoteItems",
		"TOKEN_MISSING", "SIGNATURE_INVALID", "TOKEN_EXPIRED", "AUDIENCE_MISMATCH", "KEY_UNKNOWN",
		"a valid token; scope pricing.read; peer inventory", "SCOPE_INSUFFICIENT", "TOKEN_REVOKED", "PEER_NOT_ALLOWED", "certificate required",
		"All 8 scenes held",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in the story", want)
		}
	}
	if strings.Contains(stdout, "eyJhbGci") {
		t.Error("the story has a token")
	}
}

func TestDemoFailsIfAServiceDoes(t *testing.T) {
	t.Parallel()
	stdout, stderr, err := play(t.Context(), t, plain, misled+"=inventory")
	if !errors.Is(err, demo.ErrFailed) {
		t.Fatalf("got %v, want ErrFailed", err)
	}
	for _, want := range []string{"FAILED", "expected  an answer", "got       Internal AUDIENCE_MISMATCH by inventory"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in the story:\n%s", want, stdout)
		}
	}
	if strings.Contains(stdout, "2. ") {
		t.Error("the demo went on")
	}
	if !strings.Contains(stderr, "--- log of inventory") || !strings.Contains(stderr, "reason=AUDIENCE_MISMATCH") {
		t.Errorf("the logs don't say why:\n%s", stderr)
	}
	if strings.Contains(stderr, "eyJhbGci") {
		t.Error("the logs have a token")
	}
}

func TestDemoFailsIfAChildDoesNotStart(t *testing.T) {
	t.Parallel()
	stdout, stderr, err := play(t.Context(), t, plain, mute+"=orders")
	if !errors.Is(err, demo.ErrFailed) || !strings.Contains(stdout, "FAILED  orders ended at once: exit status 3") {
		t.Errorf("got %v\n%s\n%s", err, stdout, stderr)
	}
}

func TestAnInterruptedDemoCleansUp(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	stdout, _, err := play(ctx, t, func(stdout *bytes.Buffer) io.Writer {
		return writer(func(p []byte) (int, error) {
			if strings.Contains(string(p), "2. ") {
				interrupt()
			}
			return stdout.Write(p)
		})
	})
	if !errors.Is(err, demo.ErrFailed) || !strings.Contains(stdout, "FAILED  interrupted") {
		t.Errorf("got %v\n%s", err, stdout)
	}
}

// writer is a function that writes.
type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestArguments(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args   []string
		status int
		stdout string // part of it; "" for nothing
		stderr string
	}{
		"none":                {nil, 2, "", "a role is required"},
		"help":                {[]string{"help"}, 0, "inventory", ""},
		"-h":                  {[]string{"-h"}, 0, "inventory", ""},
		"no role":             {[]string{"waiter"}, 2, "", `no role "waiter"`},
		"a role's help":       {[]string{"orders", "-h"}, 0, "-inventory address", ""},
		"a flag too many":     {[]string{"orders", "-pricing", "x"}, 2, "", "platform orders: flag provided but not defined: -pricing"},
		"a flag too few":      {[]string{"pricing"}, 2, "", "platform pricing: -tls-cert is required"},
		"an argument":         {[]string{"demo", "now"}, 2, "", `platform demo: unexpected argument "now"`},
		"a file that is none": {[]string{"pricing", "-tls-cert", "no", "-tls-key", "no", "-ca", "no", "-issuer", "x"}, 2, "", "-tls-cert"},
		"an address that is none": {
			[]string{"orders", "-tls-cert", "no", "-tls-key", "no", "-ca", "no", "-issuer", "x", "-inventory", "y"}, 2, "", "-inventory",
		},
		"tokens that outlive their revocation": {
			[]string{"auth", "-tls-cert", "no", "-tls-key", "no", "-ca", "no", "-key", "no", "-users", "no",
				"-lifetime", "2h", "-revocations", "no"}, 2, "", "-lifetime: 2h0m0s is more than -max-lifetime, 1h0m0s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), process.Env{Args: test.args, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr})
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			checkOutput(t, "stdout", stdout.String(), test.stdout)
			checkOutput(t, "stderr", stderr.String(), test.stderr)
			if lines := strings.Count(stderr.String(), "\n"); lines > 1 {
				t.Errorf("%d lines of complaint, want one:\n%s", lines, &stderr)
			}
		})
	}
}

func checkOutput(t *testing.T, name, got, want string) {
	t.Helper()
	if (got == "") != (want == "") || !strings.Contains(got, want) {
		t.Errorf("%s is %q, want it to have %q", name, got, want)
	}
}
