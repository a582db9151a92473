package keyset_test

import (
	"log/slog"
	"strings"
	"sync"
)

// record keeps what a set logs.
type record struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *record) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (r *record) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(line)
}

// String returns the lines so far.
func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// count returns how many lines say words.
func (r *record) count(words string) int { return strings.Count(r.String(), words) }
