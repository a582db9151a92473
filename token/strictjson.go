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

// unmarshalObject decodes one JSON object, strictly: the decoder refuses
// duplicate names, invalid UTF-8 and trailing data, and matches names exactly.
// It would accept null for an object, and any depth.
func unmarshalObject(data []byte, depth int, v any) error {
	if jsontext.Value(data).Kind() != jsontext.KindBeginObject {
		return &jsontext.SyntacticError{Err: errors.New("not a JSON object")}
	}
	if nestedDeeper(data, depth) {
		return &jsontext.SyntacticError{Err: fmt.Errorf("nested deeper than %d", depth)}
	}
	return json.Unmarshal(data, v)
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
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return refuse(ReasonMalformed, "%s: %v", what, err)
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		err = semantic.Err // which says where, see eachMember
	}
	return refuse(otherwise, "%s: %v", what, err)
}

// eachMember reads the object that comes next. It calls read for each member
// with its name, in the order that they have; read must read the value, and may
// not keep the name. The decoder refuses a name that comes twice. An error about a
// value that is JSON says where it is, by a JSON Pointer (RFC 6901).
func eachMember(decoder *jsontext.Decoder, read func(name []byte) error) error {
	if _, err := decoder.ReadToken(); err != nil {
		return err
	}
	for decoder.PeekKind() != jsontext.KindEndObject {
		quoted, err := decoder.ReadValue()
		if err != nil {
			return err
		}
		name, err := unquoted(quoted)
		if err != nil {
			return err
		}
		if err := read(name); err != nil {
			return located(decoder, err)
		}
	}
	_, err := decoder.ReadToken()
	return err
}

// located adds to err where the value is that was just read, unless err is about
// the text as a whole.
func located(decoder *jsontext.Decoder, err error) error {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return err
	}
	return fmt.Errorf("%s: %w", decoder.StackPointer(), err)
}

// unquoted returns what a JSON string says. It is a part of the string itself if
// nothing in it is escaped.
func unquoted(value jsontext.Value) ([]byte, error) {
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1], nil
	}
	return jsontext.AppendUnquote(nil, value)
}

// readText reads a JSON string, and nothing else.
func readText(decoder *jsontext.Decoder) (string, error) {
	if decoder.PeekKind() != jsontext.KindString {
		return "", notText(decoder)
	}
	value, err := decoder.ReadValue()
	if err != nil {
		return "", err
	}
	text, err := unquoted(value)
	return string(text), err
}

// notText returns what is wrong with the value that comes next, which is no
// string.
func notText(decoder *jsontext.Decoder) error {
	found, err := decoder.ReadToken()
	if err != nil {
		return err
	}
	return fmt.Errorf("want a string, found %v", found.Kind())
}

// readTexts reads a JSON string or a list of them, as in "aud" (RFC 7519
// section 4.1.3). The result is not nil if the error is.
func readTexts(decoder *jsontext.Decoder) ([]string, error) {
	if decoder.PeekKind() != jsontext.KindBeginArray {
		one, err := readText(decoder)
		return []string{one}, err
	}
	return readTextList(decoder)
}

// readTextList reads a list of strings. The result is not nil if the error is.
func readTextList(decoder *jsontext.Decoder) ([]string, error) {
	if _, err := decoder.ReadToken(); err != nil {
		return nil, err
	}
	list := []string{}
	for decoder.PeekKind() != jsontext.KindEndArray {
		text, err := readText(decoder)
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	_, err := decoder.ReadToken()
	return list, err
}

// readWords reads a claim of scopes: a string of words between spaces, or a list.
// The result is not nil if the error is.
func readWords(decoder *jsontext.Decoder) ([]string, error) {
	if decoder.PeekKind() == jsontext.KindBeginArray {
		return readTextList(decoder)
	}
	text, err := readText(decoder)
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }), err
}

// optionalText is a JSON string that may be absent, which is not the same as
// empty.
type optionalText struct {
	value string
	given bool
}

// readOptionalText reads a JSON string, and nothing else.
func readOptionalText(decoder *jsontext.Decoder) (optionalText, error) {
	text, err := readText(decoder)
	return optionalText{value: text, given: true}, err
}

// readAny reads any value. What is not a string counts as an empty one.
func readAny(decoder *jsontext.Decoder) (optionalText, error) {
	if decoder.PeekKind() == jsontext.KindString {
		return readOptionalText(decoder)
	}
	return optionalText{given: true}, skip(decoder)
}

// skip reads any value. That it is JSON is all that matters.
func skip(decoder *jsontext.Decoder) error {
	_, err := decoder.ReadValue()
	return err
}
