package token

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
)

// segments is a JWS in compact form (RFC 7515 section 7.1), taken apart.
type segments struct {
	header    []byte
	payload   []byte
	signature []byte
	encoded   string // the header as it was sent
	signed    string // header and payload, encoded: what the signature is over
}

// shortToken is how many bytes of decoded segments find room on the stack: those
// of most tokens do.
const shortToken = 2 << 10

// What a token is refused with for its shape. They are made once, so that such a token
// costs no memory.
var (
	errTooLarge          = &Error{reason: ReasonTooLarge, cause: errors.New("longer than MaxSize allows")}
	errNotThreeSegments  = &Error{reason: ReasonMalformed, cause: errors.New("not three segments")}
	errHeaderEncoding    = &Error{reason: ReasonMalformed, cause: errors.New("header is not canonical base64url")}
	errPayloadEncoding   = &Error{reason: ReasonMalformed, cause: errors.New("payload is not canonical base64url")}
	errSignatureEncoding = &Error{reason: ReasonMalformed, cause: errors.New("signature is not canonical base64url")}
)

// split is step 1 of verifying: the shape. The decoded segments share one piece of
// memory, and none of it with raw.
func split(raw string) (segments, *Error) {
	first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	if first == last || strings.IndexByte(raw[first+1:last], '.') >= 0 {
		return segments{}, errNotThreeSegments
	}
	var short [shortToken]byte
	data, ok := appendDecoded(short[:0], raw[:first])
	if !ok {
		return segments{}, errHeaderEncoding
	}
	header := len(data)
	if data, ok = appendDecoded(data, raw[first+1:last]); !ok {
		return segments{}, errPayloadEncoding
	}
	payload := len(data)
	if data, ok = appendDecoded(data, raw[last+1:]); !ok {
		return segments{}, errSignatureEncoding
	}
	kept := bytes.Clone(data) // it leaves the stack only now that the shape is good
	return segments{
		header: kept[:header:header], payload: kept[header:payload:payload], signature: kept[payload:],
		encoded: raw[:first], signed: raw[:last],
	}, nil
}

// appendDecoded appends the bytes that segment stands for. It accepts their one
// canonical base64url form: no padding, no line break, zero trailing bits.
// Otherwise one signature would be good for several texts.
func appendDecoded(data []byte, segment string) ([]byte, bool) {
	data, err := base64.RawURLEncoding.Strict().AppendDecode(data, []byte(segment))
	// The decoder skips line breaks.
	return data, err == nil && strings.IndexByte(segment, '\n') < 0 && strings.IndexByte(segment, '\r') < 0
}
