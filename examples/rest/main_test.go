package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
)

func TestBadFlagsAreOneLineAndStatus2(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	for name, test := range map[string]struct {
		flags []string // after those that make sense
		want  string   // in the line
	}{
		"unknown flag":         {[]string{"-verbose"}, "-verbose"},
		"argument":             {[]string{"serve"}, `"serve"`},
		"no issuer":            {[]string{"-issuer", ""}, "-issuer"},
		"no audience":          {[]string{"-audience", ""}, "-audience"},
		"no upstream":          {[]string{"-upstream", ""}, "-upstream"},
		"address without port": {[]string{"-addr", "localhost"}, "-addr"},
		"the other likewise":   {[]string{"-grpc-addr", "localhost"}, "-grpc-addr"},
		"http off loopback":    {[]string{"-issuer", "http://id.example.com"}, "-issuer"},
		"two lines":            {[]string{"-issuer", "no\nURL"}, "-issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			flags := slices.Concat(flagsFor(issuer, "127.0.0.1:1"), test.flags)
			if status := run(t.Context(), flags, &stdout, &stderr); status != 2 {
				t.Errorf("status %d", status)
			}
			line, rest, _ := strings.Cut(stderr.String(), "\n")
			if rest != "" || stdout.Len() > 0 || !strings.HasPrefix(line, "rest: ") || !strings.Contains(line, test.want) {
				t.Errorf("printed %q and %q, want one line with %q", stdout.String(), stderr.String(), test.want)
			}
		})
	}
}

func TestHelpGoesToStdout(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"-h"}, &stdout, &stderr)
	if status != 0 || stderr.Len() > 0 || !strings.Contains(stdout.String(), "-grpc-addr") {
		t.Errorf("status %d, printed %q and %q", status, stdout.String(), stderr.String())
	}
}

func TestAnAddressInUseIsStatus1(t *testing.T) {
	t.Parallel()
	listener := listen(t)
	defer func() { _ = listener.Close() }()
	for _, name := range []string{"-addr", "-grpc-addr"} {
		var stdout, stderr bytes.Buffer
		flags := append(flagsFor(jwttest.NewIssuer(t), "127.0.0.1:1"), name, listener.Addr().String())
		if status := run(t.Context(), flags, &stdout, &stderr); status != 1 {
			t.Errorf("%s: status %d, printed %q", name, status, stderr.String())
		}
	}
}

func TestItServesUntilItIsTold(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log := &stopper{stop: stop}
	if status := run(ctx, flagsFor(jwttest.NewIssuer(t), "127.0.0.1:1"), log, log); status != 0 {
		t.Errorf("status %d, printed %q", status, log.String())
	}
}

func TestStoppingDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	a, err := newApp(mustParse(t, flagsFor(issuer, "127.0.0.1:1")), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.grace = time.Millisecond
	begun := make(chan struct{}) // a request that nobody answers
	a.web.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})
	web, rpc := listen(t), listen(t)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx, web, rpc) }()
	ended := make(chan error, 1)
	go func() {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+web.Addr().String(), nil)
		if err != nil {
			ended <- err
			return
		}
		response, err := new(http.Transport).RoundTrip(request)
		if err == nil {
			_ = response.Body.Close()
		}
		ended <- err
	}()
	<-begun
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("the call was answered")
	}
}

func TestAFailureToServeIsReported(t *testing.T) {
	t.Parallel()
	a, err := newApp(mustParse(t, flagsFor(jwttest.NewIssuer(t), "127.0.0.1:1")), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	web, rpc := listen(t), listen(t)
	if err := rpc.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Serve(t.Context(), web, rpc); err == nil {
		t.Error("no error from a closed listener")
	}
}

// stopper calls stop once the server says that it serves.
type stopper struct {
	logBuffer
	stop func()
}

// Write implements [io.Writer].
func (s *stopper) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("msg=serving")) {
		s.stop()
	}
	return s.logBuffer.Write(p)
}
