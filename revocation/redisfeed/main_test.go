package redisfeed_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// secret is every password in these tests. Nothing may show it.
const secret = "correct-horse-battery"

// TestMain also fails if a goroutine of a feed, a list or a client is left when all
// tests are over, or if the client has logged a password.
func TestMain(m *testing.M) {
	logged := &clientLog{}
	redis.SetLogger(logged)
	status := m.Run()
	if left := leftGoroutines(); left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", left)
		status = max(status, 1)
	}
	if strings.Contains(logged.text(), secret) {
		fmt.Fprintln(os.Stderr, "the client has logged a password")
		status = max(status, 1)
	}
	os.Exit(status)
}

// leftGoroutines returns the stacks of goroutines that should have ended, and still
// don't after a while: dials that nobody waits for end by their own time-out.
func leftGoroutines() string {
	var left string
	for range 100 {
		if left = ourGoroutines(); left == "" {
			return ""
		}
		time.Sleep(50 * time.Millisecond)
	}
	return left
}

func ourGoroutines() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var ours []string
	for i, stack := range strings.Split(string(stacks), "\n\n") {
		if i > 0 && (strings.Contains(stack, "jwtrelay/revocation") || strings.Contains(stack, "go-redis")) {
			ours = append(ours, stack)
		}
	}
	return strings.Join(ours, "\n\n")
}

// clientLog keeps what the client logs.
type clientLog struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (l *clientLog) Printf(_ context.Context, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(&l.lines, format+"\n", args...)
}

func (l *clientLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}
