package token

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// HasClaim reports whether the claim at path is one of the values or, if it is
// a list, contains one. path names members from the outside in: "tenant", or
// "realm_access", "roles". Strings are compared as they are; true, false and
// numbers as the token writes them ("true", "7"), and are not told from a string
// that says the same. A claim that is missing, null
// or an object is no value, and no list inside a list is looked into.
func (t *Token) HasClaim(path []string, values ...string) bool {
	claim := t.says().claimTree()
	for _, name := range path {
		claim = claim.members[name]
		if claim == nil {
			return false
		}
	}
	for _, value := range values {
		if _, ok := claim.values[value]; ok {
			return true
		}
	}
	return false
}

// claimTree is what the payload says, or a part of it, made fit for look-ups.
type claimTree struct {
	members map[string]*claimTree // of an object
	values  map[string]struct{}   // of a string, true, false, a number; or those in a list
}

// claimTree returns all claims. Most tokens are never asked, so they are decoded
// when the first one asks, once for each token.
func (c *contents) claimTree() *claimTree {
	c.treeOnce.Do(func() { c.tree = parseTree(c.authorization) })
	return c.tree
}

// parseTree returns the claims of a verified token, whose form is beyond doubt,
// and an empty tree for one that says nothing. An empty tree has no claim: who
// asks that one is not something would be told that it isn't.
func parseTree(authorization string) *claimTree {
	_, rest, _ := strings.Cut(authorization, ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return new(claimTree)
	}
	return readTree(jsontext.NewDecoder(bytes.NewReader(raw)))
}

// readTree reads one value.
func readTree(decoder *jsontext.Decoder) *claimTree {
	tree := new(claimTree)
	switch decoder.PeekKind() {
	case jsontext.KindBeginObject:
		tree.members = readMembers(decoder)
	case jsontext.KindBeginArray:
		tree.values = readElements(decoder)
	default:
		if value, ok := readScalar(decoder); ok {
			tree.values = map[string]struct{}{value: {}}
		}
	}
	return tree
}

func readMembers(decoder *jsontext.Decoder) map[string]*claimTree {
	members := make(map[string]*claimTree)
	_, _ = decoder.ReadToken() // the form was checked when the token was verified
	for decoder.PeekKind() == jsontext.KindString {
		name, _ := readScalar(decoder)
		members[name] = readTree(decoder)
	}
	_, _ = decoder.ReadToken()
	return members
}

func readElements(decoder *jsontext.Decoder) map[string]struct{} {
	values := make(map[string]struct{})
	_, _ = decoder.ReadToken()
	for {
		switch decoder.PeekKind() {
		case jsontext.KindEndArray, jsontext.KindInvalid:
			_, _ = decoder.ReadToken()
			return values
		case jsontext.KindBeginObject, jsontext.KindBeginArray:
			_ = decoder.SkipValue()
		default:
			if value, ok := readScalar(decoder); ok {
				values[value] = struct{}{}
			}
		}
	}
}

// readScalar reads a string, true, false or a number. It is false for null.
func readScalar(decoder *jsontext.Decoder) (value string, ok bool) {
	read, err := decoder.ReadToken()
	if err != nil {
		return "", false
	}
	switch read.Kind() {
	case jsontext.KindString, jsontext.KindTrue, jsontext.KindFalse, jsontext.KindNumber:
		return read.String(), true
	default:
		return "", false
	}
}
