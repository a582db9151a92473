package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/metadata"
	"github.com/jwtrelay/jwtrelay/token"
)

const issuerURL = "https://id.example.com"

// newIssuer returns an issuer that serves nothing: servers read its keys from
// a file.
func newIssuer(t *testing.T) *jwttest.Issuer {
	t.Helper()
	return jwttest.NewIssuer(t, jwttest.WithURL(issuerURL))
}

// running is an echo server on loopback.
type running struct {
	addr string
	log  *logBuffer
}

// start starts a server for the issuer's tokens that lives as long as the test.
// Later flags override those that it sets itself.
func start(t *testing.T, issuer *jwttest.Issuer, flags ...string) *running {
	t.Helper()
	config, err := parseFlags(append(flagsFor(t, issuer), flags...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	server := &running{log: new(logBuffer)}
	app, err := newApp(config, slog.New(slog.NewTextHandler(server.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	listener := listen(t)
	server.addr = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- app.Serve(t.Context(), listener) }()
	t.Cleanup(func() {
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
		app.Close()
	})
	return server
}

// flagsFor returns the flags that every server needs.
func flagsFor(t *testing.T, issuer *jwttest.Issuer) []string {
	t.Helper()
	return []string{
		"-addr", "127.0.0.1:0",
		"-jwks", writeFile(t, "jwks.json", issuer.JWKS()),
		"-issuer", issuerURL,
		"-audience", jwttest.DefaultAudience,
	}
}

// startChain starts servers of the given names, each the upstream of the one
// before, and returns the first.
func startChain(t *testing.T, issuer *jwttest.Issuer, name string, more ...string) *running {
	t.Helper()
	flags := []string{"-name", name}
	if len(more) > 0 {
		next := startChain(t, issuer, more[0], more[1:]...)
		flags = append(flags, "-upstream", next.addr, "-upstream-plaintext")
	}
	return start(t, issuer, flags...)
}

// client returns a plaintext client of the server.
func (r *running) client(t *testing.T) echov1.EchoServiceClient {
	t.Helper()
	return echov1.NewEchoServiceClient(dial(t, r.addr, insecure.NewCredentials()))
}

// dial returns a connection that is closed with the test. It adds no token.
func dial(t *testing.T, addr string, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	connection, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// listen listens on some port of loopback.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// with returns the test's context for calls that carry raw.
func with(t *testing.T, raw string) context.Context {
	t.Helper()
	ctx, err := metadata.ToOutgoing(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// wantRefusal checks code and reason of a refusal, and which hop it was.
func wantRefusal(t *testing.T, err error, code codes.Code, reason token.Reason, hop string) {
	t.Helper()
	refusal := status.Convert(err)
	if refusal.Code() != code {
		t.Errorf("got %v, want %v", err, code)
	}
	for _, detail := range refusal.Details() {
		info, ok := detail.(*errdetails.ErrorInfo)
		if !ok {
			continue
		}
		if info.GetDomain() != interceptor.Domain || info.GetReason() != string(reason) || info.GetMetadata()["hop"] != hop {
			t.Errorf("got %v, want reason %s of hop %s", info, reason, hop)
		}
		return
	}
	t.Errorf("got %v without an ErrorInfo, want %s", err, reason)
}

// wantCode checks the code of an error.
func wantCode(t *testing.T, err error, code codes.Code) {
	t.Helper()
	if status.Code(err) != code {
		t.Errorf("got %v, want %v", err, code)
	}
}

// writeFile writes a file that is removed with the test.
func writeFile(t *testing.T, name string, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// logBuffer is what a server has logged so far.
type logBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

// Write implements [io.Writer].
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

// String returns all that was logged.
func (b *logBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

// line returns the first line that contains text.
func (b *logBuffer) line(t *testing.T, text string) string {
	t.Helper()
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, text) {
			return line
		}
	}
	t.Fatalf("no %q in the log:\n%s", text, b)
	return ""
}

// fingerprintOf returns the fingerprint that every hop should see: the first 8
// hex digits of the token's SHA-256.
func fingerprintOf(raw string) string {
	sum := sha256.Sum256([]byte(raw))
	return hex.EncodeToString(sum[:4])
}
