package jwttest

import (
	"slices"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// ring is the keys of an issuer. It is guarded by the issuer.
type ring struct {
	tb        TB
	current   map[keyset.Algorithm]*Key
	published []*Key // in the order of their making
}

// key returns the key that signs for alg, made now if there is none.
func (r *ring) key(alg keyset.Algorithm) (*Key, error) {
	if key, ok := r.current[alg]; ok {
		return key, nil
	}
	return r.renew(alg)
}

// renew makes the next key for alg; the one before stays published.
func (r *ring) renew(alg keyset.Algorithm) (*Key, error) {
	key, err := generate(r.tb, alg)
	if err != nil {
		return nil, err
	}
	if r.current == nil {
		r.current = make(map[keyset.Algorithm]*Key)
	}
	r.current[alg] = key
	r.published = append(r.published, key)
	return key, nil
}

// ensure makes the keys for algs that there are none for.
func (r *ring) ensure(algs []keyset.Algorithm) error {
	for _, alg := range algs {
		if _, err := r.key(alg); err != nil {
			return err
		}
	}
	return nil
}

// forAlgorithms returns the published keys for algs, or all if none is named.
func (r *ring) forAlgorithms(algs []keyset.Algorithm) []*Key {
	var keys []*Key
	for _, key := range r.published {
		if len(algs) == 0 || slices.Contains(algs, key.alg) {
			keys = append(keys, key)
		}
	}
	return keys
}

// old reports whether key was followed by another for its algorithm.
func (r *ring) old(key *Key) bool {
	current, ok := r.current[key.alg]
	return ok && current != key
}
