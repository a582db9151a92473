package token

import (
	"encoding/base64"
	"strings"
)

// segments is a JWS in compact form (RFC 7515 section 7.1), taken apart.
type segments struct {
	header    []byte
	payload   []byte
	signature []byte
	signed    string // header and payload, encoded: what the signature is over
}

// split is step 1 of verifying: the shape.
func split(raw string) (segments, *Error) {
	if strings.Count(raw, ".") != 2 {
		return segments{}, refuse(ReasonMalformed, "not three segments")
	}
	first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	header, err := decode("header", raw[:first])
	if err != nil {
		return segments{}, err
	}
	payload, err := decode("payload", raw[first+1:last])
	if err != nil {
		return segments{}, err
	}
	signature, err := decode("signature", raw[last+1:])
	if err != nil {
		return segments{}, err
	}
	return segments{header: header, payload: payload, signature: signature, signed: raw[:last]}, nil
}

// tooLarge refuses a token of which nothing but its length was looked at.
func tooLarge(raw string, limit int) *Error {
	return refuse(ReasonTooLarge, "%d bytes, the limit is %d", len(raw), limit)
}

// decode accepts the one canonical base64url form of some bytes: no padding, no
// line break, zero trailing bits. Otherwise one signature would be good for
// several texts.
func decode(name, segment string) ([]byte, *Error) {
	if strings.ContainsAny(segment, "\r\n") { // which the decoder skips
		return nil, refuse(ReasonMalformed, "%s has a line break", name)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return nil, refuse(ReasonMalformed, "%s is not canonical base64url", name)
	}
	return data, nil
}
