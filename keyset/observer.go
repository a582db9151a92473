package keyset

import (
	"context"
	"time"
)

// Observer is told what happens to a set, for metrics and alerts. Its methods
// must be quick, and may be called concurrently. Like the Observers of the other
// packages it has one method for each thing that happens, which gets what happened
// as a value.
type Observer interface {
	// Refreshed is called after each attempt to bring the set up to date: after
	// each fetch of a [Remote], and whenever a [File] changed, broke or is whole
	// again. The set's own goroutine waits for it, so it must not call Close.
	Refreshed(ctx context.Context, r Refresh)

	// Refused is called by Key, before it returns an error, with its context.
	Refused(ctx context.Context, r Refusal)
}

// Refresh is one attempt to bring a set up to date.
type Refresh struct {
	Source   string        // issuer, URL without its query, or path
	Err      error         // nil if it went well
	Changed  bool          // whether other keys are in use now
	Duration time.Duration // of the fetch or the reading, by the set's clock
	Status   Status        // of the set, after it
}

// Refusal is a key that was asked for and not given.
type Refusal struct {
	Source    string    // as in [Refresh]
	ID        string    // as it was asked for: a stranger's words, of any length
	Algorithm Algorithm // likewise
	Err       error     // matches ErrUnknownKey, ErrWrongAlgorithm or ErrUnavailable
}

// Status is how a set is doing.
type Status struct {
	Ready      bool          // whether there are keys, and they are not too old
	Keys       int           // in use
	Generation uint64        // see [Snapshot.Generation]; 0 without keys
	Age        time.Duration // of the keys: since the source was last seen to have them; 0 without keys
	ValidUntil time.Time     // see [Snapshot.ValidUntil]
	Failures   int           // of the last attempts, in a row
	Err        error         // of the last attempt; nil if it went well
	Next       time.Time     // of the next attempt; zero if there is none

	// DiscoveryErr says why the discovery document can't be read now. It is nil if
	// it can, or there is none. The keys stay where they were last said to be for
	// MaxStale; only then do fetches fail.
	DiscoveryErr error
}

// statusOf returns what a snapshot, which may be nil, tells at now.
func statusOf(s *Snapshot, now time.Time) Status {
	if s == nil {
		return Status{}
	}
	return Status{
		Ready: !s.staleAt(now) && len(s.index.keys) > 0, Keys: len(s.index.keys), Generation: s.generation,
		Age: max(now.Sub(s.confirmed), 0), ValidUntil: s.validUntil,
	}
}

// observed is what a set is called and who is told about it.
type observed struct {
	observer Observer // nil if nobody asked
	name     string
}

// refused tells of an error of Key, if there is one.
func (o *observed) refused(ctx context.Context, id string, alg Algorithm, err error) {
	if err != nil && o.observer != nil {
		o.observer.Refused(ctx, Refusal{Source: o.name, ID: id, Algorithm: alg, Err: err})
	}
}
