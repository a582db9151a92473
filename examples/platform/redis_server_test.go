package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
)

// redisSecret is the password of both users. Nothing may log it.
const redisSecret = "correct-horse-battery"

// redisServer is a redis-server on this machine, in a directory of its own, with one
// user who may write revocations and one who may only read them.
type redisServer struct {
	t       *testing.T
	addr    string
	dir     string
	command *exec.Cmd // nil while it is away
	ended   <-chan struct{}

	certificate *process.TLSFlags // nil if it does not speak TLS
}

// startRedis starts a redis-server that ends with the test, without TLS or with the
// certificate of these files. Without the program, or one that can't TLS, the test is
// skipped, but never in CI.
func startRedis(t *testing.T, certificate *process.TLSFlags) *redisServer {
	t.Helper()
	s := &redisServer{t: t, dir: t.TempDir(), certificate: certificate}
	if _, err := exec.LookPath("redis-server"); err != nil {
		s.skip("redis-server is not installed (Debian package redis-server)")
	}
	t.Cleanup(s.kill)
	for range 5 { // another process may take the port first
		s.addr = freeAddr(t)
		if s.tryStart() {
			return s
		}
	}
	if text, _ := os.ReadFile(filepath.Join(s.dir, "output")); certificate != nil && bytes.Contains(text, []byte("tls-port")) {
		s.skip("redis-server is built without TLS")
	}
	t.Fatal("redis-server does not start")
	return nil
}

// skip says why a test can't run.
func (s *redisServer) skip(why string) {
	s.t.Helper()
	if os.Getenv("CI") != "" {
		s.t.Fatal(why + ", and CI must not skip this")
	}
	s.t.Skip("SKIPPED: " + why)
}

// freeAddr returns an address that nobody listens at. It is none that outgoing
// connections get: while a server is away, a client that tries again and again could
// otherwise get its very port, and connect to itself.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)) //nolint:gosec // any will do
		if listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr); err == nil {
			_ = listener.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// settings are a redis.conf. The users are those of the documentation of redisfeed.
func (s *redisServer) settings() string {
	_, port, _ := net.SplitHostPort(s.addr)
	const may = "-@all +multi +exec +get +xrange +xread +xinfo|stream"
	listen := "port " + port
	if s.certificate != nil {
		listen = fmt.Sprintf("port 0\ntls-port %s\ntls-cert-file %q\ntls-key-file %q\ntls-ca-cert-file %q\ntls-auth-clients no",
			port, s.certificate.Cert, s.certificate.Key, s.certificate.CA)
	}
	return fmt.Sprintf(`%[1]s
bind 127.0.0.1
dir "%[2]s"
logfile "%[2]s/log"
save ""
appendonly yes
appendfsync always
user default off
user jwtrelay-reader on >%[3]s resetkeys ~jwtrelay:{revocations}* resetchannels %[4]s
user jwtrelay-writer on >%[3]s resetkeys ~jwtrelay:{revocations}* resetchannels %[4]s +xadd +set
`, listen, s.dir, redisSecret, may)
}

// tryStart starts the program and waits until it is ready, or has ended.
func (s *redisServer) tryStart() bool {
	s.t.Helper()
	file := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(file, []byte(s.settings()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.command = exec.CommandContext(context.Background(), "redis-server", file) //nolint:gosec // our own argument
	output, err := os.Create(filepath.Join(s.dir, "output"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = output.Close() }()
	s.command.Stdout, s.command.Stderr = output, output
	before := s.timesReady()
	if err := s.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	command, ended := s.command, make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait() // it may have been killed
	}()
	s.ended = ended
	for s.timesReady() == before {
		select {
		case <-ended:
			s.command = nil
			return false
		case <-time.After(10 * time.Millisecond):
		case <-s.t.Context().Done():
			return false
		}
	}
	return true
}

// timesReady returns how often this server has said that it is ready. To ask who
// answers at its address would not do: another test's server might.
func (s *redisServer) timesReady() int {
	log, _ := os.ReadFile(filepath.Join(s.dir, "log")) // it may not be there yet
	return bytes.Count(log, []byte("Ready to accept connections"))
}

// kill ends the program as kill -9 does.
func (s *redisServer) kill() {
	if s.command == nil {
		return
	}
	_ = s.command.Process.Kill()
	<-s.ended
	s.command = nil
}

// start starts it again, where it was.
func (s *redisServer) start() {
	s.t.Helper()
	if !s.tryStart() {
		s.t.Fatal("redis-server does not start again")
	}
}

// lose removes what the server keeps on disk. It must be away.
func (s *redisServer) lose() {
	s.t.Helper()
	for _, kept := range []string{"appendonlydir", "appendonly.aof"} { // since 7.0, and before
		if err := os.RemoveAll(filepath.Join(s.dir, kept)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// url is the place to give to a role: a user with or without ":password".
func (s *redisServer) url(user string) string {
	if s.certificate != nil {
		return "rediss://" + user + "@" + s.addr
	}
	return "redis://" + user + "@" + s.addr
}
