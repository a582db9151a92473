package keyset

import (
	"slices"
	"time"
)

// Live is a [Set] that can say later whether a key it gave is still one of its
// keys. All sets of this package are.
//
// Whoever keeps the result of a verification, as a cache of tokens does, asks
// with each use: the key is good while [Snapshot.Holds] it and the time is
// before [Snapshot.ValidUntil], and otherwise the token is to be verified again.
//
// A set that embeds another one and is choosier, or has its keys from elsewhere, has the
// other one's Snapshot, too: it needs one of its own, or a Key that it refuses by now
// goes on being good for what was verified with it.
type Live interface {
	Set

	// Snapshot returns the keys as they are now, nil if none came yet. It never
	// waits and costs as much as reading a pointer.
	Snapshot() *Snapshot
}

// Snapshot is what a set holds at one moment. It is immutable and may be shared. The
// zero value holds no key.
type Snapshot struct {
	index      *index
	generation uint64
	confirmed  time.Time // when the source was last seen to have these keys
	validUntil time.Time // zero means for good
}

// Generation returns a number that grows whenever the keys of the set change:
// of two snapshots of one set with the same generation, both hold the same keys.
func (s *Snapshot) Generation() uint64 { return s.generation }

// Holds reports whether key, which the set gave, is still one of its keys. It
// is the object that counts: a key that was gone for a while and came back is
// another one.
func (s *Snapshot) Holds(key *Key) bool { return s.index != nil && s.index.held[key] }

// Keys returns the keys.
func (s *Snapshot) Keys() []*Key {
	if s.index == nil {
		return nil
	}
	return slices.Clone(s.index.keys)
}

// ValidUntil returns the time from which on the keys are too old to be used,
// by the clock of the set, and zero if they don't age. See
// [RemoteConfig.MaxStale].
func (s *Snapshot) ValidUntil() time.Time { return s.validUntil }

// staleAt reports whether the keys are too old at now.
func (s *Snapshot) staleAt(now time.Time) bool {
	return !s.validUntil.IsZero() && !now.Before(s.validUntil)
}
