package revocation

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// Memory is a [Feed] and a [Writer] within one process: for programs that have
// several lists, and for tests. The zero Memory is not usable; see [NewMemory].
type Memory struct {
	mu      sync.Mutex
	entries []Entry
	added   chan struct{} // closed when there is more
}

// NewMemory returns a feed without entries. It forgets none, so what one process
// revokes in its life must fit into memory: some 100 bytes an entry.
func NewMemory() *Memory { return &Memory{added: make(chan struct{})} }

// Revoke implements [Writer].
func (m *Memory) Revoke(_ context.Context, entries ...Entry) error {
	if err := checkAll(entries); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = append(m.entries, entries...)
	close(m.added)
	m.added = make(chan struct{})
	return nil
}

// memoryWait is how long Read waits.
const memoryWait = time.Second

// Read implements [Feed].
func (m *Memory) Read(ctx context.Context, position string) (Batch, error) {
	from := 0
	if position != "" {
		var err error
		if from, err = strconv.Atoi(position); err != nil {
			return Batch{}, ErrPositionLost
		}
	}
	batch, added, err := m.after(from)
	if err != nil || len(batch.Entries) > 0 || position == "" {
		return batch, err
	}
	ctx, cancel := context.WithTimeout(ctx, memoryWait)
	defer cancel()
	select {
	case <-added:
		batch, _, err = m.after(from)
	case <-ctx.Done():
	}
	return batch, err
}

// after returns what there is, and what is closed when there is more.
func (m *Memory) after(from int) (Batch, <-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if from < 0 || from > len(m.entries) {
		return Batch{}, nil, ErrPositionLost
	}
	position := strconv.Itoa(len(m.entries))
	return Batch{Entries: m.entries[from:len(m.entries):len(m.entries)], Position: position, UpToDate: true}, m.added, nil
}
