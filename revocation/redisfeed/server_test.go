package redisfeed_test

import (
	"context"
	"fmt"
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
	command  *exec.Cmd
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

func freeAddr(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// tryStart starts the program and waits until it answers.
func (s *server) tryStart() bool {
	_, port, _ := net.SplitHostPort(s.addr)
	settings := append([]string{
		"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "yes",
		"--logfile", filepath.Join(s.dir, "log"),
	}, s.settings...)
	s.command = exec.CommandContext(context.Background(), "redis-server", settings...) //nolint:gosec // our own arguments
	if err := s.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	probe := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1, DialerRetries: 1})
	defer func() { _ = probe.Close() }()
	for range 500 {
		err := probe.Ping(context.Background()).Err()
		if err == nil || redis.HasErrorPrefix(err, "NOAUTH") {
			return true
		}
		if s.command.ProcessState != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.kill()
	return false
}

// kill ends the program as kill -9 does.
func (s *server) kill() {
	if s.command == nil {
		return
	}
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
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
