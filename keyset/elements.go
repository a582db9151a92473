package keyset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// The ways in which JSON is no JWK Set.
var (
	errTwoKeys = errors.New(`two "keys" members`)
	errShape   = errors.New(`not an object with an array "keys"`)
)

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

// maxKeys bounds a JWK Set: rubbish of few bytes a piece would otherwise cost
// many times its size.
const maxKeys = 4096

// errTooMany is a set over that bound.
var errTooMany = fmt.Errorf("more than %d keys", maxKeys)

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
		if len(elements) == maxKeys {
			return nil, errTooMany
		}
		elements = append(elements, bytes.Clone(element))
	}
	return elements, expect(decoder, jsontext.KindEndArray)
}

// stringMembers returns the named members of the JSON object in data, which are
// strings if they are there, and there once. What else is in it is not looked at.
func stringMembers(data []byte, names ...string) (map[string]string, error) {
	decoder := jsontext.NewDecoder(bytes.NewReader(data),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if token, err := decoder.ReadToken(); err != nil || token.Kind() != jsontext.KindBeginObject {
		return nil, errors.New("not a JSON object")
	}
	found := make(map[string]string, len(names))
	for decoder.PeekKind() == jsontext.KindString {
		token, err := decoder.ReadToken()
		if err != nil {
			return nil, notJSON(decoder, err)
		}
		name := token.String() // before the decoder reads on
		value, err := decoder.ReadValue()
		if err != nil {
			return nil, notJSON(decoder, err)
		}
		if !slices.Contains(names, name) {
			continue
		}
		if _, twice := found[name]; twice || value.Kind() != jsontext.KindString {
			return nil, fmt.Errorf("member %q is given twice, or is no string", name)
		}
		text, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return nil, fmt.Errorf("member %q is no UTF-8", name)
		}
		found[name] = string(text)
	}
	if token, err := decoder.ReadToken(); err != nil || token.Kind() != jsontext.KindEndObject {
		return nil, notJSON(decoder, io.ErrUnexpectedEOF)
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data after the JSON object")
	}
	return found, nil
}

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
	case errors.Is(err, errTwoKeys), errors.Is(err, errShape), errors.Is(err, errTooMany):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	default:
		return fmt.Errorf("not JSON after byte %d", decoder.InputOffset())
	}
}
