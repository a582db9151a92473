package jwttest

import (
	"slices"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// Key returns the key that the issuer signs with for alg. It is made and
// published when first asked for; a secret is never published.
func (i *Issuer) Key(alg keyset.Algorithm) *Key {
	i.tb.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	key, err := i.ring.key(alg)
	check(i.tb, err)
	return key
}

// Keys returns the keys of the issuer as they are now, secrets included, for
// a verifier that needs no HTTP. With algorithms it is the keys for these,
// made if there are none; else those for all algorithms used so far and the
// ones of [WithAlgorithms].
//
// The set doesn't follow the issuer: ask again after [Issuer.Rotate].
func (i *Issuer) Keys(algs ...keyset.Algorithm) *keyset.Static {
	i.tb.Helper()
	keys, err := i.held(algs)
	check(i.tb, err)
	set, err := newSet(keys)
	check(i.tb, err)
	return set
}

// JWKS returns the JWK Set that the issuer serves now. With algorithms it is
// the keys for these only, made if there are none. Secrets are never in it:
// naming their algorithm is a mistake.
func (i *Issuer) JWKS(algs ...keyset.Algorithm) []byte {
	i.tb.Helper()
	if at := slices.IndexFunc(algs, keyset.Algorithm.Symmetric); at >= 0 {
		i.tb.Fatalf("jwttest: %s has a secret, which JWKS never shows: use Keys or Key.JWK", algs[at])
	}
	set, err := i.jwks(algs...)
	check(i.tb, err)
	return set
}

// Rotate makes a new key for each algorithm, or for each in use if none is
// named, and signs with it from now on. The new keys are published, and the
// old ones stay so until [Issuer.Withdraw].
func (i *Issuer) Rotate(algs ...keyset.Algorithm) {
	i.tb.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	algs = i.inUse(algs)
	check(i.tb, i.ring.ensure(algs)) // there always is an old key
	for _, alg := range algs {
		_, err := i.ring.renew(alg)
		check(i.tb, err)
	}
}

// Withdraw stops publishing the given keys, or, if none is given, all that
// [Issuer.Rotate] has replaced. A withdrawn key can still sign, as a stolen
// one can: see [SignedBy].
func (i *Issuer) Withdraw(keys ...*Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ring.published = slices.DeleteFunc(i.ring.published, func(key *Key) bool {
		if len(keys) == 0 {
			return i.ring.old(key)
		}
		return slices.Contains(keys, key)
	})
}

// Publish adds a key that the issuer doesn't sign with: the next one, ahead of
// its use, or one without an id. A secret is added to [Issuer.Keys] only.
func (i *Issuer) Publish(key *Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ring.published = append(i.ring.published, key)
}

// AddJWK adds an element to the JWK Set as it is: a key of an unknown type, an
// unfit one, or anything else that a verifier should be able to live with.
func (i *Issuer) AddJWK(raw string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.extra = append(i.extra, raw)
}

// inUse returns algs, or those that the issuer has or should have keys for.
func (i *Issuer) inUse(algs []keyset.Algorithm) []keyset.Algorithm {
	if len(algs) > 0 {
		return algs
	}
	algs = slices.Clone(i.settings.algorithms)
	for _, alg := range Algorithms() {
		if _, ok := i.ring.current[alg]; ok && !slices.Contains(algs, alg) {
			algs = append(algs, alg)
		}
	}
	return algs
}

// held returns the published keys for algs, or all if none is named.
func (i *Issuer) held(algs []keyset.Algorithm) ([]*Key, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.ring.ensure(i.inUse(algs)); err != nil {
		return nil, err
	}
	return i.ring.forAlgorithms(algs), nil
}

// jwks returns the JWK Set. It is the only way from a key to the network, and
// lets no secret pass.
func (i *Issuer) jwks(algs ...keyset.Algorithm) ([]byte, error) {
	keys, err := i.held(algs)
	if err != nil {
		return nil, err
	}
	var elements []string
	for _, key := range keys {
		if !key.alg.Symmetric() {
			elements = append(elements, string(key.JWK()))
		}
	}
	if len(algs) == 0 {
		i.mu.Lock()
		elements = append(elements, i.extra...)
		i.mu.Unlock()
	}
	return joinJWKs(elements), nil
}

func newSet(keys []*Key) (*keyset.Static, error) {
	verifiers := make([]*keyset.Key, 0, len(keys))
	for _, key := range keys {
		verifier, err := key.Verifier()
		if err != nil {
			return nil, err
		}
		verifiers = append(verifiers, verifier)
	}
	return keyset.New(verifiers...)
}
