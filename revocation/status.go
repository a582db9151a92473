package revocation

import (
	"context"
	"time"
)

// Status is how a list is doing.
type Status struct {
	Ready   bool           // each source was read to its end, and not longer ago than MaxAge
	Entries int            // that are remembered
	Sources []SourceStatus // as configured
}

// SourceStatus is how a source is doing.
type SourceStatus struct {
	Name     string
	Read     bool          // whether it was ever read to its end
	Age      time.Duration // since it was up to date; 0 if it never was
	Failures int           // of the last attempts, in a row
	Err      error         // of the last attempt; nil if it went well
}

// Status returns how the list is doing.
func (l *List) Status() Status {
	now := l.config.Clock()
	status := Status{Ready: l.health.reliable(), Entries: l.entries.len(now)}
	for i := range l.health.sources {
		status.Sources = append(status.Sources, l.health.sources[i].status(now))
	}
	return status
}

func (s *sourceHealth) status(now time.Time) SourceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := SourceStatus{Name: s.name, Failures: s.failures, Err: s.err}
	if confirmed := s.confirmed.Load(); confirmed != nil {
		status.Read, status.Age = true, max(now.Sub(*confirmed), 0)
	}
	return status
}

// WaitReady waits until the list is ready, as [Status] has it, or ctx ends: then it
// returns the context's error.
func (l *List) WaitReady(ctx context.Context) error {
	select {
	case <-l.health.wait():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Observer is told what a list reads, for metrics and alerts. Its method must be
// quick, and may be called concurrently, by each source's own goroutine, which waits
// for it: it must not call Close.
type Observer interface {
	Received(ctx context.Context, r Reception)
}

// Reception is one attempt to read a source.
type Reception struct {
	Source   string
	Entries  int           // that came; those in Skipped as well, if they were understood
	Skipped  []error       // what was not added, and why: for the operator
	UpToDate bool          // whether nothing more is to be read
	Err      error         // why it can't be read now; nil if it went well
	Duration time.Duration // by the list's clock, with what the feed waited
	Status   Status        // of the list, after it
}
