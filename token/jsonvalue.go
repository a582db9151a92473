package token

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// unquoted returns what a JSON string says. It is a part of the string itself if
// nothing in it is escaped.
func unquoted(value jsontext.Value) ([]byte, error) {
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1], nil
	}
	return jsontext.AppendUnquote(nil, value)
}

// text returns what value says if it is a string.
func text(value jsontext.Value) (string, error) {
	if kind := value.Kind(); kind != jsontext.KindString {
		return "", fmt.Errorf("want a string, found %v", kind)
	}
	said, err := unquoted(value)
	return string(said), err
}

// texts returns what value says if it is a string or a list of them, as in "aud"
// (RFC 7519 section 4.1.3). The result is not nil if the error is.
func texts(value jsontext.Value) ([]string, error) {
	if value.Kind() == jsontext.KindBeginArray {
		return textList(value)
	}
	one, err := text(value)
	return []string{one}, err
}

// words returns the words of a claim of scopes: a string of words between spaces,
// or a list. The result is not nil if the error is.
func words(value jsontext.Value) ([]string, error) {
	if value.Kind() == jsontext.KindBeginArray {
		return textList(value)
	}
	all, err := text(value)
	return strings.FieldsFunc(all, func(r rune) bool { return r == ' ' }), err
}

// textList returns the strings of a list, if it has nothing else. That the list is
// JSON is known.
func textList(list jsontext.Value) ([]string, error) {
	all := make([]string, 0, bytes.Count(list, []byte{'"'})/2)
	for rest := nextElement(list[1:]); rest[0] != ']'; {
		end := 1
		if rest[0] == '"' {
			end = stringEnd(rest)
		}
		one, err := text(rest[:end])
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", len(all), err)
		}
		all, rest = append(all, one), nextElement(rest[end:])
	}
	return all, nil
}

// nextElement drops what stands between the elements of a list.
func nextElement(list jsontext.Value) jsontext.Value { return bytes.TrimLeft(list, ", \t\r\n") }

// stringEnd returns the length of the string that data, which is JSON, begins with.
func stringEnd(data jsontext.Value) int {
	end := 1
	for data[end] != '"' {
		if data[end] == '\\' {
			end++ // whatever it is, it doesn't end the string
		}
		end++
	}
	return end + 1
}

// optionalText is a JSON string that may be absent, which is not the same as
// empty.
type optionalText struct {
	value string
	given bool
}

// givenText returns what value says if it is a string.
func givenText(value jsontext.Value) (optionalText, error) {
	said, err := text(value)
	return optionalText{value: said, given: true}, err
}

// anyText returns what value says. What is not a string counts as an empty one.
func anyText(value jsontext.Value) (optionalText, error) {
	if value.Kind() != jsontext.KindString {
		return optionalText{given: true}, nil
	}
	return givenText(value)
}
