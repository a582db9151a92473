package metadata

import (
	"errors"
	"fmt"
	"strings"
)

// Why there is no token. The texts hold nothing of what was sent.
var (
	// ErrMissing: no value, or one of another scheme than Bearer.
	ErrMissing = errors.New("metadata: no bearer token")
	// ErrMalformed: two or more values, or one that isn't one bearer token
	// with nothing around it.
	ErrMalformed = errors.New("metadata: malformed bearer token")
	// ErrTooLarge: a value longer than the limit. It was not looked at.
	ErrTooLarge = errors.New("metadata: bearer token over the size limit")

	errScheme    = fmt.Errorf("%w: another scheme, or none", ErrMissing)
	errTwoValues = fmt.Errorf("%w: more than one value of the header", ErrMalformed)
)

// Parse returns the token in the values of one header. An error matches
// [ErrMissing], [ErrMalformed] or [ErrTooLarge] by [errors.Is], and the token is
// empty if and only if there is one.
func (h Header) Parse(values []string) (token string, err error) {
	token, err = h.Cut(values)
	if err == nil && !isB64Token(token) {
		return "", ErrMalformed
	}
	return token, err
}

// Cut is [Header.Parse] without a look at the characters of the token, which may then
// be any that don't begin with a space. It is for those who verify it: no verifier takes
// a token with other characters, and for one that was seen before, looking at
// each of hundreds would be a good part of what a call costs.
func (h Header) Cut(values []string) (token string, err error) {
	switch {
	case len(values) == 0:
		return "", ErrMissing
	case len(values) > 1:
		return "", errTwoValues
	case len(values[0]) > h.MaxValue():
		return "", ErrTooLarge
	default:
		return cut(values[0])
	}
}

// cut splits credentials = scheme 1*SP b64token.
func cut(value string) (string, error) {
	name, rest := cutScheme(value)
	switch {
	case name == "":
		return "", ErrMalformed
	case !strings.EqualFold(name, "bearer"):
		return "", errScheme
	}
	token := strings.TrimLeft(rest, " ")
	if token == "" || len(token) == len(rest) {
		return "", ErrMalformed
	}
	return token, nil
}

// cutScheme splits value behind its leading token (RFC 9110 section 5.6.2).
func cutScheme(value string) (name, rest string) {
	for i := range len(value) {
		if !isTokenChar(value[i]) {
			return value[:i], value[i:]
		}
	}
	return value, ""
}

// isB64Token reports whether s is a b64token (RFC 6750 section 2.1):
// characters of base64 or base64url and "~" and ".", then any number of "=". A
// token has hundreds of them and each call asks, so it looks at eight at a time
// and makes up its mind at the end.
func isB64Token(s string) bool {
	body := strings.TrimRight(s, "=")
	var other byte
	rest := body
	for ; len(rest) >= 8; rest = rest[8:] {
		other |= notB64[rest[0]] | notB64[rest[1]] | notB64[rest[2]] | notB64[rest[3]] |
			notB64[rest[4]] | notB64[rest[5]] | notB64[rest[6]] | notB64[rest[7]]
	}
	for i := range len(rest) {
		other |= notB64[rest[i]]
	}
	return body != "" && other == 0
}

// notB64 is 0 for what isB64Char says yes to, and 1 for any other byte.
var notB64 = func() (table [256]byte) { //nolint:gochecknoglobals // a table that nobody writes to
	for i := range table {
		if !isB64Char(byte(i)) {
			table[i] = 1
		}
	}
	return table
}()

func isB64Char(c byte) bool {
	switch c {
	case '-', '.', '_', '~', '+', '/':
		return true
	default:
		return isAlphaNumeric(c)
	}
}

// isTokenChar reports whether c is a tchar (RFC 9110 section 5.6.2).
func isTokenChar(c byte) bool {
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	default:
		return isAlphaNumeric(c)
	}
}

func isAlphaNumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
