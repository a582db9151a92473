package keyset

import (
	"fmt"
	"slices"
)

// snapshot is a set of keys as it was at one moment. It is immutable once
// built, so readers share it without a lock.
type snapshot struct {
	keys    []*Key
	byRef   map[ref]*Key         // keys that have an id
	without map[Algorithm][]*Key // keys that have none
	all     map[Algorithm][]*Key // keys with and without
	ids     map[string]bool
}

// ref is what a token's header says of its key.
type ref struct {
	id  string
	alg Algorithm
}

// newSnapshot indexes keys. Of two keys with one id and one algorithm, the
// first is used, and of one key that is there twice without an id;
// duplicates reports the rest.
func newSnapshot(keys []*Key) (s *snapshot, duplicates []*Key) {
	s = &snapshot{
		byRef:   make(map[ref]*Key, len(keys)),
		without: make(map[Algorithm][]*Key),
		all:     make(map[Algorithm][]*Key),
		ids:     make(map[string]bool, len(keys)),
	}
	taken := make(map[place]bool, len(keys))
	for _, key := range keys {
		if at := placeOf(key); taken[at] {
			duplicates = append(duplicates, key)
		} else {
			taken[at] = true
			s.add(key)
		}
	}
	return s, duplicates
}

// place is what at most one key of a set may have.
type place struct {
	ref
	thumbprint string // of a key without an id
}

func placeOf(key *Key) place {
	if key.id == "" {
		return place{ref{"", key.alg}, key.thumbprint}
	}
	return place{ref: ref{key.id, key.alg}}
}

func (s *snapshot) add(key *Key) {
	s.keys = append(s.keys, key)
	s.all[key.alg] = append(s.all[key.alg], key)
	if key.id == "" {
		s.without[key.alg] = append(s.without[key.alg], key)
		return
	}
	s.byRef[ref{key.id, key.alg}] = key
	s.ids[key.id] = true
}

// key is the rule of [Set], for what is known now.
func (s *snapshot) key(id string, alg Algorithm) (*Key, error) {
	if id == "" {
		return only(s.all[alg])
	}
	if key, ok := s.byRef[ref{id, alg}]; ok {
		return key, nil
	}
	if s.knows(id) {
		return nil, fmt.Errorf("%w: the key with this id is for another", ErrWrongAlgorithm)
	}
	if len(s.all[alg]) > 0 && len(s.without[alg]) == 0 {
		return nil, ErrUnknownKey
	}
	return only(s.without[alg])
}

// knows reports whether a key with this id is here.
func (s *snapshot) knows(id string) bool { return s.ids[id] }

// mayLack reports whether a newer set of public keys could have the key. With
// an id that is here it could not: issuers give a new key a new id.
func (s *snapshot) mayLack(id string, alg Algorithm) bool {
	return id != "" && !s.knows(id) && alg.Supported() && !alg.Symmetric()
}

// equal reports whether both hold the same keys in the same order. A nil
// snapshot equals none.
func (s *snapshot) equal(other *snapshot) bool {
	return s != nil && other != nil && slices.EqualFunc(s.keys, other.keys, (*Key).equal)
}

// only returns the only key that fits.
func only(keys []*Key) (*Key, error) {
	switch len(keys) {
	case 0:
		return nil, ErrWrongAlgorithm
	case 1:
		return keys[0], nil
	default:
		return nil, fmt.Errorf("%w: %d keys fit", ErrUnknownKey, len(keys))
	}
}
