package token

import (
	"errors"
	"fmt"

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
// depth. It doesn't care whether data is JSON.
func nestedDeeper(data []byte, depth int) bool {
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
	return refuse(otherwise, "%s: %v", what, err)
}

// text is a JSON string, and nothing else.
type text string

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (t *text) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	token, err := decoder.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != jsontext.KindString {
		return fmt.Errorf("want a string, found %v", token.Kind())
	}
	*t = text(token.String())
	return nil
}

// optionalText is a JSON string that may be absent, which is not the same as
// empty.
type optionalText struct {
	value string
	given bool
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (t *optionalText) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	t.given = true
	return (*text)(&t.value).UnmarshalJSONFrom(decoder)
}

// texts is a JSON string or a list of them, as in "aud" (RFC 7519 section
// 4.1.3).
type texts []string

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (t *texts) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	if decoder.PeekKind() != jsontext.KindBeginArray {
		var one text
		if err := one.UnmarshalJSONFrom(decoder); err != nil {
			return err
		}
		*t = texts{string(one)}
		return nil
	}
	var list []text
	if err := json.UnmarshalDecode(decoder, &list); err != nil {
		return err
	}
	*t = make(texts, len(list))
	for i, s := range list {
		(*t)[i] = string(s)
	}
	return nil
}
