package keyset

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Static is a [Set] whose keys never change. It never answers [ErrUnavailable].
type Static struct {
	keys    *snapshot
	skipped []Skipped
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
	snapshot, duplicates := newSnapshot(keys)
	if len(duplicates) > 0 {
		return nil, fmt.Errorf("keyset: two keys with the id %s for %s", quote(duplicates[0].id), duplicates[0].alg)
	}
	return &Static{keys: snapshot}, nil
}

// Key implements [Set]. It never waits.
func (s *Static) Key(_ context.Context, id string, alg Algorithm) (*Key, error) {
	return s.keys.key(id, alg)
}

// Keys returns the keys of the set.
func (s *Static) Keys() []*Key { return slices.Clone(s.keys.keys) }

// Skipped returns the keys that [Parse] left out, in the order of the JWK Set.
func (s *Static) Skipped() []Skipped { return slices.Clone(s.skipped) }
