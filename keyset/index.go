package keyset

import (
	"fmt"
	"maps"
	"slices"
)

// index finds a key among many in the time that it takes among two. It is
// immutable once built, so readers share it without a lock.
type index struct {
	keys    []*Key
	held    map[*Key]bool
	byRef   map[ref]*Key         // keys that have an id
	without map[Algorithm][]*Key // keys that have none
	all     map[Algorithm][]*Key // keys with and without
	ids     map[string]bool
	spare   []*Key          // whose place another one has
	barred  map[string]bool // ids of keys that would be here if they weren't distrusted
}

// ref is what a token's header says of its key.
type ref struct {
	id  string
	alg Algorithm
}

// newIndex indexes keys. Of two keys with one id and one algorithm, the
// first is used, and of one key that is there twice without an id; the rest are
// spare.
func newIndex(keys []*Key) (s *index, spare []*Key) {
	s = &index{
		held:    make(map[*Key]bool, len(keys)),
		byRef:   make(map[ref]*Key, len(keys)),
		without: make(map[Algorithm][]*Key),
		all:     make(map[Algorithm][]*Key),
		ids:     make(map[string]bool, len(keys)),
	}
	taken := make(map[place]bool, len(keys))
	for _, key := range keys {
		if at := placeOf(key); taken[at] {
			s.spare = append(s.spare, key)
		} else {
			taken[at] = true
			s.add(key)
		}
	}
	return s, s.spare
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

func (s *index) add(key *Key) {
	s.keys = append(s.keys, key)
	s.held[key] = true
	s.all[key.alg] = append(s.all[key.alg], key)
	if key.id == "" {
		s.without[key.alg] = append(s.without[key.alg], key)
		return
	}
	s.byRef[ref{key.id, key.alg}] = key
	s.ids[key.id] = true
}

// key is the rule of [Set], for what is known now.
func (s *index) key(id string, alg Algorithm) (*Key, error) {
	if id == "" {
		return only(s.all[alg])
	}
	if key, ok := s.byRef[ref{id, alg}]; ok {
		return key, nil
	}
	if s.knows(id) {
		return nil, fmt.Errorf("%w: the key with this id is for another", ErrWrongAlgorithm)
	}
	if s.barred[id] {
		return nil, fmt.Errorf("%w: it is distrusted", ErrUnknownKey)
	}
	if len(s.all[alg]) > 0 && len(s.without[alg]) == 0 {
		return nil, ErrUnknownKey
	}
	return only(s.without[alg])
}

// knows reports whether a key with this id is here.
func (s *index) knows(id string) bool { return s.ids[id] }

// mayLack reports whether a newer set of public keys could have the key. With
// an id that is here it could not: issuers give a new key a new id. Nor with the only
// key for the algorithm, if that has no id.
func (s *index) mayLack(id string, alg Algorithm) bool {
	if id == "" || s.knows(id) || !alg.Supported() || alg.Symmetric() {
		return false
	}
	return len(s.all[alg]) != 1 || len(s.without[alg]) == 0
}

// trusting returns s without the keys that have one of the thumbprints.
func (s *index) trusting(distrusted map[string]bool) *index {
	bad := func(key *Key) bool { return distrusted[key.thumbprint] }
	all := slices.Concat(s.keys, s.spare)
	if !slices.ContainsFunc(all, bad) {
		return s
	}
	trusted, _ := newIndex(slices.DeleteFunc(slices.Clone(all), bad))
	trusted.barred = make(map[string]bool)
	for _, key := range all {
		if bad(key) && !trusted.knows(key.id) {
			trusted.barred[key.id] = true
		}
	}
	return trusted
}

// keeping returns s with the objects that before has for the same keys, and
// before itself if it holds the same, in whatever order. A nil one holds none.
func (s *index) keeping(before *index) *index {
	if before == nil {
		return s
	}
	keys, kept := slices.Clone(s.keys), 0
	for i, key := range keys {
		if old := before.same(key); old != nil {
			keys[i] = old
			kept++
		}
	}
	if kept == len(keys) && kept == len(before.keys) && maps.Equal(s.barred, before.barred) {
		return before
	}
	next, _ := newIndex(keys)
	next.barred = s.barred
	return next
}

// same returns the key here that equals key, nil if there is none.
func (s *index) same(key *Key) *Key {
	candidates := s.without[key.alg]
	if key.id != "" {
		candidates = []*Key{s.byRef[ref{key.id, key.alg}]}
	}
	for _, candidate := range candidates {
		if candidate != nil && candidate.equal(key) {
			return candidate
		}
	}
	return nil
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
