package keyset

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Static is a [Set] whose keys never change. It never answers [ErrUnavailable].
type Static struct {
	keys    *Snapshot
	skipped []Skipped
}

func newStatic(keys *index, skipped []Skipped) *Static {
	return &Static{keys: &Snapshot{index: keys, generation: 1}, skipped: skipped}
}

// New returns the set of the given keys. It is an error to give none, a nil
// one, or two with the same id and algorithm.
func New(keys ...*Key) (*Static, error) {
	if len(keys) == 0 {
		return nil, errors.New("keyset: no keys")
	}
	if slices.Contains(keys, nil) {
		return nil, errors.New("keyset: nil key")
	}
	index, duplicates := newIndex(keys)
	if len(duplicates) > 0 {
		return nil, fmt.Errorf("keyset: two keys with the id %s for %s", quote(duplicates[0].id), duplicates[0].alg)
	}
	return newStatic(index, nil), nil
}

// Key implements [Set]. It never waits.
func (s *Static) Key(_ context.Context, id string, alg Algorithm) (*Key, error) {
	return s.keys.index.key(id, alg)
}

// Snapshot implements [Live]. It is always the same one.
func (s *Static) Snapshot() *Snapshot { return s.keys }

// Keys returns the keys of the set.
func (s *Static) Keys() []*Key { return s.keys.Keys() }

// Skipped returns the keys that [Parse] left out, in the order they came in.
func (s *Static) Skipped() []Skipped { return slices.Clone(s.skipped) }
