package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
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
}

// startRedis starts a redis-server that ends with the test. Without the program the
// test is skipped, but never in CI.
func startRedis(t *testing.T) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed, and CI must not skip this")
		}
		t.Skip("SKIPPED: redis-server is not installed (Debian package redis-server)")
	}
	s := &redisServer{t: t, dir: t.TempDir()}
	t.Cleanup(s.kill)
	for range 5 { // another process may take the port first
		s.addr = freeAddr(t)
		if s.tryStart() {
			return s
		}
	}
	t.Fatal("redis-server does not start")
	return nil
}

func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// settings are a redis.conf. The users are those of the documentation of redisfeed.
func (s *redisServer) settings() string {
	_, port, _ := net.SplitHostPort(s.addr)
	const may = "-@all +multi +exec +get +xrange +xread +xinfo|stream"
	return fmt.Sprintf(`port %[1]s
bind 127.0.0.1
dir "%[2]s"
logfile "%[2]s/log"
save ""
appendonly yes
user default off
user jwtrelay-reader on >%[3]s resetkeys ~jwtrelay:{revocations}* resetchannels %[4]s
user jwtrelay-writer on >%[3]s resetkeys ~jwtrelay:{revocations}* resetchannels %[4]s +xadd +set
`, port, s.dir, redisSecret, may)
}

// tryStart starts the program and waits until it answers.
func (s *redisServer) tryStart() bool {
	s.t.Helper()
	file := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(file, []byte(s.settings()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.command = exec.CommandContext(context.Background(), "redis-server", file) //nolint:gosec // our own argument
	if err := s.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	for range 1000 {
		if s.answers() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.kill()
	return false
}

// answers reports whether the server says anything, be it that one must log in.
func (s *redisServer) answers() bool {
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", s.addr)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	n, err := conn.Read(make([]byte, 1))
	return err == nil && n == 1
}

// kill ends the program as kill -9 does.
func (s *redisServer) kill() {
	if s.command == nil {
		return
	}
	_ = s.command.Process.Kill()
	_ = s.command.Wait() // it was killed
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

// url is the place to give to a role, without the password.
func (s *redisServer) url(user string) string { return "redis://" + user + "@" + s.addr }

// urlWithPassword is the same with the password.
func (s *redisServer) urlWithPassword(user string) string {
	return "redis://" + user + ":" + redisSecret + "@" + s.addr
}
