package keyset

import (
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseConfig says how to read keys. The zero value suits most issuers.
type ParseConfig struct {
	// RSAAlgorithm is the algorithm of RSA keys that don't name one, which in
	// PEM none does. Zero means RS256.
	RSAAlgorithm Algorithm

	// KeyID names the keys in PEM, which has no place for an id: it returns
	// what the issuer's tokens call the key ("kid"), or "" for no id.
	// [ThumbprintID] and [SPKIHashID] are two that issuers use. It gets an
	// *[rsa.PublicKey], an *[ecdsa.PublicKey] or an [ed25519.PublicKey], which
	// it must not modify. Nil gives no key an id, and then PEM may hold one key
	// for each algorithm and no more, so that a rotation, which needs two, needs
	// KeyID. Keys in a JWK Set keep their own ids.
	KeyID func(public crypto.PublicKey) string
}

// Skipped is a key that was left out of a set because it can't be used.
type Skipped struct {
	Index int    // position in the JWK Set, or among the blocks of PEM, from 0
	ID    string // the key's id, if it could be read
	Err   error  // why it can't be used
}

// String says which key was left out, and why.
func (s Skipped) String() string {
	return fmt.Sprintf("key %d (kid %s): %v", s.Index, quote(s.ID), s.Err)
}

// errNoUsableKeys is what reads well and is of no use.
var errNoUsableKeys = errors.New("no usable keys")

// Parse reads a JWK Set (RFC 7517 section 5) or PEM (RFC 7468). Symmetric keys
// (kty "oct") are accepted: give it only a set that you keep as you keep the
// secrets in it.
//
// In PEM, keys are in blocks PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE, with
// any text between the blocks. A certificate only carries its key: its dates,
// names, usages and signature are not checked. One that issued another of the
// same PEM, by what that says of its issuer, is left out: of a chain, the first
// certificate is the signer's. A self-signed one is used.
//
// Keys that can't be used are left out and found in [Static.Skipped], and so
// are private keys, which are not even decoded, and blocks of other types; only
// EC PARAMETERS, which tells nothing that its key doesn't, is passed over.
//
// It is an error if the whole is neither; if no usable key remains; if PEM has
// a block that is cut off or damaged, or several keys for one algorithm without
// an id, of which a token could choose none; or if RSAAlgorithm is not for RSA
// keys. The errors have no particular type.
func Parse(data []byte, config ParseConfig) (*Static, error) {
	rules := jwkRules{rsaAlgorithm: config.RSAAlgorithm, secrets: true, keyID: config.KeyID}
	if err := rules.check(); err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
	}
	keys, skipped, err := parseKeys(data, rules)
	if err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
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
