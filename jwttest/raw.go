package jwttest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Encode returns the token of exactly these three parts, each encoded as the
// compact serialization wants it (RFC 7515 section 7.1). Nothing is signed: a
// nil signature makes the token that "alg":"none" asks for.
func Encode(header, payload string, signature []byte) string {
	return encode([]byte(header)) + "." + encode([]byte(payload)) + "." + encode(signature)
}

// Decode returns the three parts of a token, the reverse of [Encode]. The
// error says what makes it no token, and never shows it.
func Decode(token string) (header, payload string, signature []byte, err error) {
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		return "", "", nil, fmt.Errorf("jwttest: %d segments, want 3", len(segments))
	}
	var parts [3][]byte
	for i, segment := range segments {
		if parts[i], err = base64.RawURLEncoding.DecodeString(segment); err != nil {
			return "", "", nil, errors.New("jwttest: a segment is not base64url")
		}
	}
	return string(parts[0]), string(parts[1]), parts[2], nil
}

// Tamper returns the token with a signature that differs in its first bits,
// and is otherwise as well formed as it was.
func Tamper(token string) string {
	dot := strings.LastIndexByte(token, '.')
	signed, signature := token[:dot+1], token[dot+1:]
	switch {
	case signature == "":
		return signed + "AA"
	case signature[0] == 'A':
		return signed + "B" + signature[1:]
	default:
		return signed + "A" + signature[1:]
	}
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
