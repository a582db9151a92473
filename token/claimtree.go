package token

import (
	"bytes"
	"encoding/base64"
	"slices"
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
		if claim = claim.member(name); claim == nil {
			return false
		}
	}
	return slices.ContainsFunc(values, claim.has)
}

// claimTree is what the payload says, or a part of it, made fit for look-ups. All
// strings in it are parts of the payload, if nothing in them is escaped: a service that
// asks for claims has a tree for each token that it knows.
type claimTree struct {
	members []claimMember // of an object, by name
	values  []string      // of a string, true, false, a number, or those in a list; sorted
}

// claimMember is a member of an object.
type claimMember struct {
	name string
	claimTree
}

func (m claimMember) compare(name string) int { return strings.Compare(m.name, name) }

// member returns the member of that name, nil if there is none.
func (c *claimTree) member(name string) *claimTree {
	i, found := slices.BinarySearchFunc(c.members, name, claimMember.compare)
	if !found {
		return nil
	}
	return &c.members[i].claimTree
}

// has reports whether value is what the claim says, or in the list that it is.
func (c *claimTree) has(value string) bool {
	_, found := slices.BinarySearch(c.values, value)
	return found
}

// claimTree returns all claims. Most tokens are never asked, so they are decoded
// when the first one asks, once for each token.
func (c *contents) claimTree() *claimTree {
	c.treeOnce.Do(func() {
		c.tree = parseTree(c.authorization)
		c.treeWeight.Store(int64(len(c.authorization) + c.tree.weight()))
		c.cache.weighAgain(&c.token)
	})
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
	reader := treeReader{jsontext.NewDecoder(bytes.NewReader(raw)), string(raw)}
	tree := reader.read()
	return &tree
}

// treeReader reads a tree from JSON whose form was checked before.
type treeReader struct {
	*jsontext.Decoder
	text string // what the decoder reads
}

// read reads one value.
func (r treeReader) read() claimTree {
	switch r.PeekKind() {
	case jsontext.KindBeginObject:
		return claimTree{members: r.members()}
	case jsontext.KindBeginArray:
		return claimTree{values: r.elements()}
	default:
		if value, ok := r.scalar(); ok {
			return claimTree{values: []string{value}}
		}
		return claimTree{}
	}
}

func (r treeReader) members() []claimMember {
	var members []claimMember
	_, _ = r.ReadToken()
	for r.PeekKind() == jsontext.KindString {
		name, _ := r.scalar()
		members = append(members, claimMember{name, r.read()})
	}
	_, _ = r.ReadToken()
	slices.SortFunc(members, func(a, b claimMember) int { return a.compare(b.name) })
	return slices.Clone(members) // without what append has in reserve
}

func (r treeReader) elements() []string {
	var values []string
	_, _ = r.ReadToken()
	for {
		switch r.PeekKind() {
		case jsontext.KindEndArray, jsontext.KindInvalid:
			_, _ = r.ReadToken()
			slices.Sort(values)
			return slices.Clone(values)
		case jsontext.KindBeginObject, jsontext.KindBeginArray:
			_ = r.SkipValue()
		default:
			if value, ok := r.scalar(); ok {
				values = append(values, value)
			}
		}
	}
}

// scalar reads a string, true, false or a number. It is false for null.
func (r treeReader) scalar() (value string, ok bool) {
	read, err := r.ReadValue()
	if err != nil || read.Kind() == jsontext.KindNull {
		return "", false
	}
	end := int(r.InputOffset())
	value = r.text[end-len(read) : end]
	if read.Kind() != jsontext.KindString {
		return value, true
	}
	if strings.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1], true
	}
	unquoted, err := jsontext.AppendUnquote(nil, read)
	return string(unquoted), err == nil
}
