package process_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want string // in the error; "" for none
	}{
		"all that is required":      {[]string{"-ca", "file"}, ""},
		"one more":                  {[]string{"-ca=file", "-addr", "x"}, ""},
		"nothing":                   {nil, "-ca is required"},
		"an empty one":              {[]string{"-ca", ""}, "-ca is required"},
		"one that there is not":     {[]string{"-ca", "file", "-x"}, "-x"},
		"one without its value":     {[]string{"-ca"}, "-ca"},
		"something that is no flag": {[]string{"-ca", "file", "more"}, `"more"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout bytes.Buffer
			var ca, addr string
			flags := process.NewFlags("test", "for a test")
			flags.Required(&ca, "ca", "a `file`")
			flags.StringVar(&addr, "addr", "", "an address")
			err := flags.Parse(process.Env{Args: test.args, Stdout: &stdout})
			if test.want == "" {
				if err != nil || ca != "file" {
					t.Errorf("ca is %q: %v", ca, err)
				}
				return
			}
			var misused *process.UsageError
			if !errors.As(err, &misused) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, test.want)
			}
			if stdout.Len() > 0 {
				t.Errorf("usage was printed: %s", &stdout)
			}
		})
	}
}

func TestHelpGoesToStdout(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	err := process.NewFlags("test", "for a test").Parse(process.Env{Args: []string{"-h"}, Stdout: &stdout})
	if !errors.Is(err, flag.ErrHelp) || !strings.Contains(stdout.String(), "for a test") {
		t.Errorf("%v, %s", err, &stdout)
	}
}

func TestListenAnnouncesItsAddress(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	listener, err := process.Listen(t.Context(), "127.0.0.1:0", &stdout)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if addr, ok := process.ParseAnnouncement(stdout.String()); !ok || addr != listener.Addr().String() {
		t.Errorf("announced %q, want %v", stdout.String(), listener.Addr())
	}
	if _, ok := process.ParseAnnouncement("panic: no"); ok {
		t.Error("any line is an announcement")
	}
	if _, err := process.Listen(t.Context(), listener.Addr().String(), io.Discard); err == nil {
		t.Error("an address was given to two")
	}
}

func TestUntilEOFEndsWithStdin(t *testing.T) {
	t.Parallel()
	reader, writer := io.Pipe()
	ctx, cancel := process.UntilEOF(t.Context(), reader)
	defer cancel()
	if _, err := writer.Write([]byte("not yet")); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatal("ended while stdin was open")
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
}
