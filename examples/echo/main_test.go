package main

import (
	"bytes"
	"context"
	"net"
	"slices"
	"strings"
	"testing"
)

func TestBadFlagsAreOneLineAndStatus2(t *testing.T) {
	t.Parallel()
	issuer, ca := newIssuer(t), newCA(t)
	cert, key := ca.issue(t, "localhost")
	empty, missing := writeFile(t, "empty", nil), "no/such/file"
	for name, test := range map[string]struct {
		flags []string // after those that make sense
		want  string   // in the line
	}{
		"unknown flag":            {[]string{"-verbose"}, "-verbose"},
		"not a duration":          {[]string{"-leeway", "soon"}, "-leeway"},
		"argument":                {[]string{"serve"}, `"serve"`},
		"no issuer":               {[]string{"-issuer", ""}, "-issuer"},
		"no audience":             {[]string{"-audience", ""}, "-audience"},
		"negative leeway":         {[]string{"-leeway", "-1s"}, "-leeway"},
		"address without port":    {[]string{"-addr", "localhost"}, "-addr"},
		"issuer is no URL":        {[]string{"-jwks", "", "-issuer", "id"}, "-issuer"},
		"http issuer":             {[]string{"-jwks", "", "-issuer", "http://id.example.com"}, "-issuer"},
		"snapshot of a file":      {[]string{"-snapshot", "snapshot"}, "-snapshot"},
		"missing key file":        {[]string{"-jwks", missing}, "-jwks"},
		"empty key file":          {[]string{"-jwks", empty}, "-jwks"},
		"two lines":               {[]string{"-jwks", "no\nfile"}, "-jwks"},
		"http off loopback":       {[]string{"-jwks", "http://id.example.com/jwks"}, "-jwks"},
		"http to a lookalike":     {[]string{"-jwks", "http://127.0.0.1.example.com/jwks"}, "-jwks"},
		"neither file nor https":  {[]string{"-jwks", "ftp://127.0.0.1/jwks"}, "-jwks"},
		"certificate without key": {[]string{"-tls-cert", cert}, "-tls-key"},
		"key without certificate": {[]string{"-tls-key", key}, "-tls-cert"},
		"missing certificate":     {[]string{"-tls-cert", missing, "-tls-key", key}, "-tls-cert"},
		"key of another":          {[]string{"-tls-cert", ca.file, "-tls-key", key}, "-tls-cert"},
		"CA without upstream":     {[]string{"-upstream-ca", ca.file}, "-upstream"},
		"plaintext, no upstream":  {[]string{"-upstream-plaintext"}, "-upstream"},
		"CA and plaintext":        {[]string{"-upstream", "localhost:1", "-upstream-ca", ca.file, "-upstream-plaintext"}, "-upstream-plaintext"},
		"upstream without port":   {[]string{"-upstream", "localhost"}, "-upstream"},
		"upstream without host":   {[]string{"-upstream", ":50051"}, "-upstream"},
		"missing CA":              {[]string{"-upstream", "localhost:1", "-upstream-ca", missing}, "-upstream-ca"},
		"empty CA":                {[]string{"-upstream", "localhost:1", "-upstream-ca", empty}, "-upstream-ca"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), append(flagsFor(t, issuer), test.flags...), &stdout, &stderr)
			if status != 2 {
				t.Errorf("status %d", status)
			}
			line, rest, _ := strings.Cut(stderr.String(), "\n")
			if rest != "" || stdout.Len() > 0 || !strings.HasPrefix(line, "echo: ") || !strings.Contains(line, test.want) {
				t.Errorf("printed %q and %q, want one line with %q", stdout.String(), stderr.String(), test.want)
			}
		})
	}
}

func TestHelpGoesToStdout(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"-h"}, &stdout, &stderr)
	if status != 0 || stderr.Len() > 0 || !strings.Contains(stdout.String(), "-upstream-plaintext") {
		t.Errorf("status %d, printed %q and %q", status, stdout.String(), stderr.String())
	}
}

func TestAnAddressInUseIsStatus1(t *testing.T) {
	t.Parallel()
	listener := listen(t)
	defer func() { _ = listener.Close() }()
	var stdout, stderr bytes.Buffer
	flags := append(flagsFor(t, newIssuer(t)), "-addr", listener.Addr().String())
	if status := run(t.Context(), flags, &stdout, &stderr); status != 1 {
		t.Errorf("status %d, printed %q", status, stderr.String())
	}
}

func TestItServesUntilItIsTold(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log := &stopper{stop: stop}
	if status := run(ctx, flagsFor(t, newIssuer(t)), log, log); status != 0 {
		t.Errorf("status %d, printed %q", status, log.String())
	}
	log.line(t, "msg=serving")
	log.line(t, "msg=stopping")
}

func TestTheNameIsTheAddressByDefault(t *testing.T) {
	t.Parallel()
	flags := append(flagsFor(t, newIssuer(t)), "-addr", net.JoinHostPort("::1", "50051"))
	if config := mustParse(t, flags); config.name != "[::1]:50051" {
		t.Errorf("name %q", config.name)
	}
	if config := mustParse(t, slices.Concat(flags, []string{"-name", "echo"})); config.name != "echo" {
		t.Errorf("name %q", config.name)
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
