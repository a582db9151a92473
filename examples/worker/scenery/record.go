package scenery

import (
	"bytes"
	"sync"
)

// Record keeps what is written to it, by any number of goroutines.
type Record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (r *Record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// String returns all that was written.
func (r *Record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}
