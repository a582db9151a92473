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
	spare   []*Key             // whose place another one has
	barred  map[string]bool    // ids of keys that would be here if they weren't distrusted
	lost    map[Algorithm]bool // what those keys were for
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

func (x *index) add(key *Key) {
	x.keys = append(x.keys, key)
	x.held[key] = true
	x.all[key.alg] = append(x.all[key.alg], key)
	if key.id == "" {
		x.without[key.alg] = append(x.without[key.alg], key)
		return
	}
	x.byRef[ref{key.id, key.alg}] = key
	x.ids[key.id] = true
}

// errOtherAlgorithm is a key of the id that was asked for, which is for another
// algorithm.
var errOtherAlgorithm = fmt.Errorf("%w: the key with this id is for another", ErrWrongAlgorithm)

// errDistrusted is a key that was here, or would be.
var errDistrusted = fmt.Errorf("%w: it is distrusted", ErrUnknownKey)

// key is the rule of [Set], for what is known now.
func (x *index) key(id string, alg Algorithm) (*Key, error) {
	if len(x.all[alg]) == 0 && x.lost[alg] {
		return nil, errDistrusted
	}
	if id == "" {
		return only(x.all[alg])
	}
	if key, ok := x.byRef[ref{id, alg}]; ok {
		return key, nil
	}
	if x.knows(id) {
		return nil, errOtherAlgorithm
	}
	if x.barred[id] {
		return nil, errDistrusted
	}
	if len(x.all[alg]) > 0 && len(x.without[alg]) == 0 {
		return nil, ErrUnknownKey
	}
	return only(x.without[alg])
}

// knows reports whether a key with this id is here.
func (x *index) knows(id string) bool { return x.ids[id] }

// mayLack reports whether a newer set of public keys could have the key. With
// an id that is here it could not: issuers give a new key a new id. Nor with the only
// key for the algorithm, if that has no id.
func (x *index) mayLack(id string, alg Algorithm) bool {
	if id == "" || x.knows(id) || !alg.Supported() || alg.Symmetric() {
		return false
	}
	return len(x.all[alg]) != 1 || len(x.without[alg]) == 0
}

// trusting returns x without the keys that have one of the thumbprints.
func (x *index) trusting(distrusted map[string]bool) *index {
	bad := func(key *Key) bool { return distrusted[key.thumbprint] }
	all := slices.Concat(x.keys, x.spare)
	if !slices.ContainsFunc(all, bad) {
		return x
	}
	trusted, _ := newIndex(slices.DeleteFunc(slices.Clone(all), bad))
	trusted.barred, trusted.lost = make(map[string]bool), make(map[Algorithm]bool)
	for _, key := range all {
		if bad(key) {
			trusted.barred[key.id] = !trusted.knows(key.id)
			trusted.lost[key.alg] = true
		}
	}
	return trusted
}

// keeping returns x with the objects that before has for the same keys, and
// before itself if it holds the same, in whatever order. A nil one holds none.
func (x *index) keeping(before *index) *index {
	if before == nil {
		return x
	}
	keys, kept := slices.Clone(x.keys), 0
	for i, key := range keys {
		if old := before.same(key); old != nil {
			keys[i] = old
			kept++
		}
	}
	if kept == len(keys) && kept == len(before.keys) && maps.Equal(x.barred, before.barred) {
		return before
	}
	next, _ := newIndex(keys)
	next.barred, next.lost = x.barred, x.lost
	return next
}

// same returns the key here that equals key, nil if there is none.
func (x *index) same(key *Key) *Key {
	candidates := x.without[key.alg]
	if key.id != "" {
		candidates = []*Key{x.byRef[ref{key.id, key.alg}]}
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

// checkChoice reports keys of which [Set] could choose none. Whoever adds a
// second key would else lock everybody out, in the middle of a rotation.
func (x *index) checkChoice() error {
	for _, key := range x.keys {
		if n := len(x.without[key.alg]); n > 1 {
			return fmt.Errorf("%d keys for %s have no id to choose by", n, key.alg)
		}
	}
	return nil
}
