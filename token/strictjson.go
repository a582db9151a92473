package token

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// How deep JSON may be nested. No header needs more than a key (jwk), which is
// not looked at; claims hold structured data, but no service's own limit should
// be the stack.
const (
	maxHeaderDepth = 4
	maxClaimsDepth = 16
)

// members is told the members of an object.
type members interface {
	// member gets a name without quotes and escapes, and a value that is JSON. It
	// may keep neither. Its error says what is wrong with the value.
	member(name []byte, value jsontext.Value) error
}

// readObject reads one JSON object, strictly, and gives each of its members to m,
// in their order. A plain object it reads by hand, as the JSON module takes twice
// as long. All others are up to that: it refuses duplicate names, invalid UTF-8
// and trailing data, and would accept null for an object, and any depth.
func readObject(data []byte, depth int, m members) error {
	var plain plainObject
	if plain.scan(data) {
		return readPlain(data, plain.members[:plain.count], m)
	}
	if jsontext.Value(data).Kind() != jsontext.KindBeginObject {
		return &jsontext.SyntacticError{Err: errors.New("not a JSON object")}
	}
	if nestedDeeper(data, depth) {
		return &jsontext.SyntacticError{Err: fmt.Errorf("nested deeper than %d", depth)}
	}
	return json.Unmarshal(data, &object{members: m})
}

func readPlain(data []byte, plain []plainMember, m members) error {
	for _, p := range plain {
		if err := readMember(m, p.name.of(data), p.value.of(data)); err != nil {
			return err
		}
	}
	return nil
}

// readMember adds to the error of m which member it is about.
func readMember(m members, name []byte, value jsontext.Value) error {
	if err := m.member(name, value); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// object is one that the JSON module reads.
type object struct {
	members members
	name    []byte // that was read last
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (o *object) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	if _, err := decoder.ReadToken(); err != nil {
		return err
	}
	for decoder.PeekKind() != jsontext.KindEndObject {
		if err := o.readNext(decoder); err != nil {
			return err
		}
	}
	_, err := decoder.ReadToken()
	return err
}

// readNext reads a member. The decoder refuses a name that comes twice.
func (o *object) readNext(decoder *jsontext.Decoder) error {
	quoted, err := decoder.ReadValue()
	if err != nil {
		return err
	}
	name, err := unquoted(quoted)
	if err != nil {
		return err
	}
	o.name = append(o.name[:0], name...) // the next read may take the name's memory
	value, err := decoder.ReadValue()
	if err != nil {
		return err
	}
	return readMember(o.members, o.name, value)
}

// nestedDeeper reports whether brackets outside of strings nest deeper than
// depth. It doesn't care whether data is JSON. Most tokens have fewer brackets
// than may be nested, and counting is many times as fast as looking.
func nestedDeeper(data []byte, depth int) bool {
	if bytes.Count(data, []byte{'{'})+bytes.Count(data, []byte{'['}) <= depth {
		return false
	}
	open, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++ // whatever it is, it doesn't end the string
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if open++; open > depth {
				return true
			}
		case c == '}' || c == ']':
			open--
		}
	}
	return false
}

// unfit returns the refusal for a failure to decode: text that isn't strict
// JSON is malformed, whatever it was to mean; the rest is up to the caller. The
// JSON module's error is not wrapped: its type is no part of this package.
func unfit(err error, otherwise Reason, what string) *Error {
	var refused *Error
	if errors.As(err, &refused) { // before it was read
		return refused
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return refuse(ReasonMalformed, "%s: %s", what, brief(err))
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		err = semantic.Err // as readMember put it
	}
	return refuse(otherwise, "%s: %s", what, brief(err))
}

// mostBrief is how many bytes of an error are shown that may quote a stranger.
const mostBrief = 200

// brief returns what err says, or how that begins.
func brief(err error) string {
	text := err.Error()
	if len(text) <= mostBrief {
		return text
	}
	return strings.ToValidUTF8(text[:mostBrief], "") + " ..."
}
