package token

import (
	"bytes"
	"math"
)

// maxPlain is how many members a plain object has at most.
const maxPlain = 32

// plainObject is where the members of a plain JSON object are.
//
// A plain object is one that needs no decoder to be told from what is not strict
// JSON, and is what issuers write: without white space, with members that are
// printable ASCII without escapes, and for values strings of the same, lists of
// them, whole numbers that are not negative, true, false and null. No name comes
// twice. Nothing that is plain is refused by a decoder, nor read otherwise.
type plainObject struct {
	members [maxPlain]plainMember
	count   int
}

// plainMember is a member: its name without quotes, its value with them.
type plainMember struct{ name, value span }

// span is a part of a text, from the first byte to before the last.
type span struct{ from, to uint16 }

func (s span) of(data []byte) []byte { return data[s.from:s.to:s.to] }

// scan finds the members of data, and reports whether it is a plain object. One
// that is not may be JSON all the same.
func (p *plainObject) scan(data []byte) bool {
	if len(data) > math.MaxUint16 || len(data) == 0 || data[0] != '{' {
		return false
	}
	for at := 1; at < len(data); at++ { // at is a member, and then the comma behind it
		colon := plainString(data, at)
		if colon == 0 || colon == len(data) || data[colon] != ':' {
			return false
		}
		end := plainValue(data, colon+1)
		if end == 0 || end == len(data) || !p.add(data, newSpan(at+1, colon-1), newSpan(colon+1, end)) {
			return false
		}
		if data[end] == '}' {
			return end == len(data)-1
		}
		if at = end; data[at] != ',' {
			return false
		}
	}
	return false
}

func newSpan(from, to int) span {
	return span{from: uint16(from), to: uint16(to)} //nolint:gosec // scan takes no more data
}

// add adds a member, unless there are too many or one has the same name.
func (p *plainObject) add(data []byte, name, value span) bool {
	if p.count == maxPlain {
		return false
	}
	for _, other := range p.members[:p.count] {
		if bytes.Equal(other.name.of(data), name.of(data)) {
			return false
		}
	}
	p.members[p.count] = plainMember{name: name, value: value}
	p.count++
	return true
}

// plainValue returns where the plain value that begins at at ends, 0 if there is
// none.
func plainValue(data []byte, at int) int {
	if at == len(data) {
		return 0
	}
	switch data[at] {
	case '"':
		return plainString(data, at)
	case '[':
		return plainList(data, at)
	case 't', 'f', 'n':
		return plainLiteral(data, at)
	default:
		return plainNumber(data, at)
	}
}

func plainString(data []byte, at int) int {
	if data[at] != '"' {
		return 0
	}
	for i, c := range data[at+1:] {
		switch {
		case c == '"':
			return at + i + 2
		case c < ' ' || c > '~' || c == '\\':
			return 0
		}
	}
	return 0
}

func plainNumber(data []byte, at int) int {
	end := at
	for end < len(data) && '0' <= data[end] && data[end] <= '9' {
		end++
	}
	if end == at || data[at] == '0' && end > at+1 {
		return 0
	}
	return end
}

func plainLiteral(data []byte, at int) int {
	for _, literal := range []string{"true", "false", "null"} {
		if end := at + len(literal); end <= len(data) && string(data[at:end]) == literal {
			return end
		}
	}
	return 0
}

// plainList is a list of plain strings, one at least.
func plainList(data []byte, at int) int {
	for at++; at < len(data); at++ {
		end := plainString(data, at)
		if end == 0 || end == len(data) {
			return 0
		}
		if data[end] == ']' {
			return end + 1
		}
		if at = end; data[at] != ',' {
			return 0
		}
	}
	return 0
}
