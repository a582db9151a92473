package revocation

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// health is how far a list can be relied on.
type health struct {
	config  Config
	sources []sourceHealth // as configured

	mu      sync.Mutex // held while ReadyChanged is told, so that it is told in order
	ready   bool
	isReady chan struct{} // closed while ready
}

// sourceHealth is how a source is doing.
type sourceHealth struct {
	name        string
	unavailable *unavailableError
	confirmed   atomic.Pointer[time.Time] // when it was up to date last; nil if never

	mu       sync.Mutex
	failures int
	err      error
}

func newHealth(config Config) *health {
	h := &health{config: config, sources: make([]sourceHealth, len(config.Sources)), isReady: make(chan struct{})}
	for i, source := range config.Sources {
		h.sources[i].name = source.Name
		h.sources[i].unavailable = &unavailableError{source: source.Name}
	}
	return h
}

// err returns why tokens that are not in the list can't be accepted, or nil.
func (h *health) err() error {
	for i := range h.sources {
		s := &h.sources[i]
		confirmed := s.confirmed.Load()
		switch {
		case confirmed == nil && !h.config.AcceptUnread,
			confirmed != nil && h.config.MaxAge > 0 && h.config.Clock().Sub(*confirmed) > h.config.MaxAge:
			return s.unavailable
		}
	}
	return nil
}

// reliable reports whether each source was read to its end, and not too long ago.
func (h *health) reliable() bool {
	for i := range h.sources {
		if h.sources[i].confirmed.Load() == nil {
			return false
		}
	}
	return h.err() == nil
}

// tellFirst tells whether the list is ready as it is made.
func (h *health) tellFirst() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.set(h.reliable())
}

// tell tells whether the list is ready, if that changed.
func (h *health) tell() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ready := h.reliable(); ready != h.ready {
		h.set(ready)
	}
}

func (h *health) set(ready bool) {
	switch {
	case ready:
		close(h.isReady)
	case h.ready:
		h.isReady = make(chan struct{})
	}
	h.ready = ready
	h.config.ReadyChanged(ready)
}

// wait returns what is closed while the list is ready.
func (h *health) wait() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.isReady
}

// watch notices when the list grows too old, which nobody else does.
func (h *health) watch(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.tell()
		}
	}
}

// failed notes that a source can't be read now, and how often that was so in a row.
func (s *sourceHealth) failed(err error) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures++
	s.err = err
	return s.failures
}

// went notes that a source was read, and returns how often it had failed.
func (s *sourceHealth) went() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	failures := s.failures
	s.failures, s.err = 0, nil
	return failures
}

// unavailableError says that a source can't be relied on.
type unavailableError struct{ source string }

// Error implements error.
func (e *unavailableError) Error() string { return ErrUnavailable.Error() + ": source " + e.source }

// Is reports whether target is [ErrUnavailable].
func (e *unavailableError) Is(target error) bool { return target == ErrUnavailable }

// RetryAfter returns how long to wait before trying again.
func (e *unavailableError) RetryAfter() time.Duration { return time.Second }
