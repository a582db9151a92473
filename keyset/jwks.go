package keyset

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
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
	snapshot, skipped, err := parseJWKS(jwks, rules)
	if err != nil {
		return nil, fmt.Errorf("keyset: JWK Set: %w", err)
	}
	return &Static{keys: snapshot, skipped: skipped}, nil
}

// parseJWKS reads a JWK Set key by key, so that one bad key spoils only
// itself. The error is non-nil if no usable key remains; skipped then still
// says why.
func parseJWKS(jwks []byte, rules jwkRules) (*snapshot, []Skipped, error) {
	elements, err := splitJWKS(jwks)
	if err != nil {
		return nil, nil, err
	}
	keys, index, skipped := parseJWKs(elements, rules)
	if len(keys) == 0 {
		return nil, skipped, noUsableKeys(skipped)
	}
	snapshot, duplicates := newSnapshot(keys)
	for _, key := range duplicates {
		skipped = append(skipped, Skipped{Index: index[key], ID: key.id, Err: errors.New("an earlier key has the same id and algorithm")})
	}
	slices.SortFunc(skipped, func(a, b Skipped) int { return cmp.Compare(a.Index, b.Index) })
	return snapshot, skipped, nil
}

// parseJWKs sorts elements into keys, with the index of each, and the rest.
func parseJWKs(elements []jsontext.Value, rules jwkRules) (keys []*Key, index map[*Key]int, skipped []Skipped) {
	index = make(map[*Key]int)
	for i, element := range elements {
		key, id, err := parseJWK(element, rules)
		if err != nil {
			skipped = append(skipped, Skipped{Index: i, ID: id, Err: err})
			continue
		}
		index[key] = i
		keys = append(keys, key)
	}
	return keys, index, skipped
}

// noUsableKeys names the first reason, which is most often that of all.
func noUsableKeys(skipped []Skipped) error {
	if len(skipped) == 0 {
		return errNoUsableKeys
	}
	return fmt.Errorf("%w among %d: %v", errNoUsableKeys, len(skipped), skipped[0])
}

// splitJWKS returns the elements of the one "keys" member of the JSON object
// in jwks. Names and UTF-8 inside of an element are not its business.
func splitJWKS(jwks []byte) ([]jsontext.Value, error) {
	decoder := jsontext.NewDecoder(bytes.NewReader(jwks),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	elements, found, err := readKeys(decoder)
	if err != nil {
		return nil, notJSON(decoder, err)
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data after the JSON object")
	}
	if !found {
		return nil, errors.New(`no "keys" member`)
	}
	return elements, nil
}

// readKeys reads a JSON object and returns the elements of its member "keys".
// found is false if it has none.
func readKeys(decoder *jsontext.Decoder) (elements []jsontext.Value, found bool, err error) {
	if err := expect(decoder, jsontext.KindBeginObject); err != nil {
		return nil, false, err
	}
	for decoder.PeekKind() == jsontext.KindString {
		name, err := decoder.ReadToken()
		if err != nil {
			return nil, false, err
		}
		isKeys := name.String() == "keys"
		switch {
		case !isKeys:
			err = decoder.SkipValue()
		case found:
			err = errTwoKeys
		default:
			elements, err = readArray(decoder)
			found = true
		}
		if err != nil {
			return nil, false, err
		}
	}
	return elements, found, expect(decoder, jsontext.KindEndObject)
}

// readArray reads a JSON array without looking into its elements.
func readArray(decoder *jsontext.Decoder) ([]jsontext.Value, error) {
	if err := expect(decoder, jsontext.KindBeginArray); err != nil {
		return nil, err
	}
	var elements []jsontext.Value
	for decoder.PeekKind() != jsontext.KindEndArray {
		element, err := decoder.ReadValue()
		if err != nil {
			return nil, err
		}
		elements = append(elements, bytes.Clone(element))
	}
	return elements, expect(decoder, jsontext.KindEndArray)
}

// The ways in which JSON is no JWK Set.
var (
	errTwoKeys = errors.New(`two "keys" members`)
	errShape   = errors.New("not an object with an array \"keys\"")
)

// expect reads one token of the given kind.
func expect(decoder *jsontext.Decoder, kind jsontext.Kind) error {
	token, err := decoder.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != kind {
		return errShape
	}
	return nil
}

// notJSON replaces the JSON module's error, whose text may quote the input and
// whose type is no part of this package.
func notJSON(decoder *jsontext.Decoder, err error) error {
	switch {
	case errors.Is(err, errTwoKeys), errors.Is(err, errShape):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	default:
		return fmt.Errorf("not JSON after byte %d", decoder.InputOffset())
	}
}
