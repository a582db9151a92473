package keyset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseConfig says how to read a JWK Set. The zero value suits most issuers.
type ParseConfig struct {
	// RSAAlgorithm is the algorithm of RSA keys that don't name one.
	// Zero means RS256.
	RSAAlgorithm Algorithm
}

// Skipped is a key that was left out of a set because it can't be used.
type Skipped struct {
	Index int    // position in the JWK Set, from 0
	ID    string // the key's id, if it could be read
	Err   error  // why it can't be used
}

// String says which key was left out, and why.
func (s Skipped) String() string {
	return fmt.Sprintf("key %d (kid %s): %v", s.Index, quote(s.ID), s.Err)
}

// errNoUsableKeys is a JWK Set that reads well and is of no use.
var errNoUsableKeys = errors.New("no usable keys")

// Parse reads a JWK Set (RFC 7517 section 5). Symmetric keys (kty "oct") are
// accepted: give it only a set that you keep as you keep the secrets in it.
//
// Keys that can't be used are left out and found in [Static.Skipped]. It is an
// error if the whole is not a JWK Set, if no usable key remains, or if
// RSAAlgorithm is not for RSA keys. The errors have no particular type.
func Parse(jwks []byte, config ParseConfig) (*Static, error) {
	rules := jwkRules{rsaAlgorithm: config.RSAAlgorithm, secrets: true}
	if err := rules.check(); err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
	}
	keys, skipped, err := parseJWKS(jwks, rules)
	if err != nil {
		return nil, fmt.Errorf("keyset: JWK Set: %w", err)
	}
	return newStatic(keys, skipped), nil
}

// parseJWKS reads a JWK Set key by key, so that one bad key spoils only
// itself. The error is non-nil if no usable key remains; skipped then still
// says why.
func parseJWKS(jwks []byte, rules jwkRules) (*index, []Skipped, error) {
	elements, err := splitJWKS(jwks)
	if err != nil {
		return nil, nil, err
	}
	return arrange(parseJWKs(elements, rules))
}

// arrange builds the index of keys, each with its position, beside what was
// skipped.
func arrange(keys []*Key, at map[*Key]int, skipped []Skipped) (*index, []Skipped, error) {
	if len(keys) == 0 {
		return nil, skipped, noUsableKeys(skipped)
	}
	index, duplicates := newIndex(keys)
	for _, key := range duplicates {
		skipped = append(skipped, Skipped{Index: at[key], ID: key.id, Err: errors.New("an earlier key has the same id and algorithm")})
	}
	slices.SortFunc(skipped, func(a, b Skipped) int { return cmp.Compare(a.Index, b.Index) })
	return index, skipped, nil
}

// parseJWKs sorts elements into keys, with the position of each, and the rest.
func parseJWKs(elements []jsontext.Value, rules jwkRules) (keys []*Key, at map[*Key]int, skipped []Skipped) {
	at = make(map[*Key]int)
	for i, element := range elements {
		key, id, err := parseJWK(element, rules)
		if err != nil {
			skipped = append(skipped, Skipped{Index: i, ID: id, Err: err})
			continue
		}
		at[key] = i
		keys = append(keys, key)
	}
	return keys, at, skipped
}

// noUsableKeys names the first reason, which is most often that of all.
func noUsableKeys(skipped []Skipped) error {
	if len(skipped) == 0 {
		return errNoUsableKeys
	}
	return fmt.Errorf("%w among %d: %v", errNoUsableKeys, len(skipped), skipped[0])
}
