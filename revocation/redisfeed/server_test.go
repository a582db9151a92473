package redisfeed_test

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

	"github.com/redis/go-redis/v9"
)

// server is a redis-server of one test, in a directory of its own.
type server struct {
	t        *testing.T
	addr     string
	dir      string
	settings []string
	command  *exec.Cmd // nil while it is away
	ended    <-chan struct{}
	admin    *redis.Client
}

// startServer starts a redis-server that ends with the test. Without the program the
// test is skipped, but never in CI. Settings are those of redis.conf, with --.
func startServer(t *testing.T, settings ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed, and CI must not skip this")
		}
		t.Skip("SKIPPED: redis-server is not installed (Debian package redis-server)")
	}
	s := &server{t: t, dir: t.TempDir(), settings: settings}
	t.Cleanup(s.kill)
	for range 5 { // another process may take the port first
		s.addr = freeAddr(t)
		if s.tryStart() {
			s.admin = redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: 10, DisableIdentity: true})
			t.Cleanup(func() { _ = s.admin.Close() })
			return s
		}
	}
	t.Fatal("redis-server does not start")
	return nil
}

// freeAddr returns an address that nobody listens at. It is none that outgoing
// connections get: while a server is away, a client that tries again and again could
// otherwise get its very port, and connect to itself.
func freeAddr(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)) //nolint:gosec // any will do
		if l, err := config.Listen(t.Context(), "tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// tryStart starts the program and waits until it is ready, or has ended.
func (s *server) tryStart() bool {
	_, port, _ := net.SplitHostPort(s.addr)
	settings := append([]string{
		"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
		"--logfile", filepath.Join(s.dir, "log"),
	}, s.settings...)
	before := s.timesReady()
	s.command = exec.CommandContext(context.Background(), "redis-server", settings...) //nolint:gosec // our own arguments
	if err := s.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	command, ended := s.command, make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait() // it may have been killed
	}()
	s.ended = ended
	for range 3000 {
		if s.timesReady() > before {
			return true
		}
		select {
		case <-ended:
			s.command = nil
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	s.kill()
	return false
}

// timesReady returns how often this server has said that it is ready. To ask who
// answers at its address would not do: another test's server might.
func (s *server) timesReady() int {
	log, _ := os.ReadFile(filepath.Join(s.dir, "log")) // it may not be there yet
	return bytes.Count(log, []byte("Ready to accept connections"))
}

// kill ends the program as kill -9 does.
func (s *server) kill() {
	if s.command == nil {
		return
	}
	_ = s.command.Process.Kill()
	<-s.ended
	s.command = nil
}

// start starts it again, on the same port, with what is in its directory.
func (s *server) start() {
	s.t.Helper()
	if !s.tryStart() {
		s.t.Fatal("redis-server does not start again")
	}
}

// saved returns a copy of what the server keeps on disk now.
func (s *server) saved() string {
	s.t.Helper()
	copied := filepath.Join(s.t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(s.dir, "appendonlydir"))); err != nil {
		s.t.Fatal(err)
	}
	return copied
}

// replace makes the server start with another's data; "" is none.
func (s *server) replace(saved string) {
	s.t.Helper()
	own := filepath.Join(s.dir, "appendonlydir")
	if err := os.RemoveAll(own); err != nil {
		s.t.Fatal(err)
	}
	if saved == "" {
		return
	}
	if err := os.CopyFS(own, os.DirFS(saved)); err != nil {
		s.t.Fatal(err)
	}
}

// do runs a command as the default user.
func (s *server) do(args ...any) any {
	s.t.Helper()
	answer, err := s.admin.Do(s.t.Context(), args...).Result()
	if err != nil {
		s.t.Fatalf("%v: %v", args[0], err)
	}
	return answer
}

func (s *server) options() *redis.UniversalOptions {
	return &redis.UniversalOptions{Addrs: []string{s.addr}}
}

// info returns a number of INFO.
func (s *server) info(section, name string) string {
	s.t.Helper()
	return s.admin.InfoMap(s.t.Context(), section).Item(title(section), name)
}

func title(section string) string { return fmt.Sprintf("%c%s", section[0]-'a'+'A', section[1:]) }

// atLeast reports whether the server is of this major version.
func (s *server) atLeast(major int) bool {
	s.t.Helper()
	var is int
	if _, err := fmt.Sscanf(s.info("server", "redis_version"), "%d.", &is); err != nil {
		s.t.Fatal(err)
	}
	return is >= major
}
