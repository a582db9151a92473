package keyset

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// block is a block of PEM (RFC 7468 section 2).
type block struct {
	label string
	line  int    // on which it begins, from 1
	text  []byte // from BEGIN to END

	// What [block.read] found: a public key, or err.
	public      crypto.PublicKey
	certificate *x509.Certificate // in which the key stands, if it does
	err         error
}

// String says what the block is and where.
func (b *block) String() string { return fmt.Sprintf("%s on line %d", quote(b.label), b.line) }

// decode returns the bytes that the block encodes.
func (b *block) decode() ([]byte, error) {
	decoded, _ := pem.Decode(b.text)
	if decoded == nil {
		return nil, fmt.Errorf("%v is damaged: not base64, or indented", b)
	}
	return decoded.Bytes, nil
}

// isPEM reports whether data looks like PEM, and so can't be a JWK Set. That
// begins with a brace; PEM may begin with any text.
func isPEM(data []byte) bool {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return false
	}
	for line := range bytes.Lines(data) {
		if kind, _ := readLine(line); kind != lineText {
			return true
		}
	}
	return false
}

// splitPEM returns the blocks in data, or an error if there may be more than
// it sees. [pem.Decode] would go on with the next block that is whole, and half
// a file pass for one of fewer keys.
func splitPEM(data []byte) ([]*block, error) {
	s := &splitter{data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))} // which Windows puts before UTF-8
	for line := range bytes.Lines(s.data) {
		if err := s.take(line); err != nil {
			return nil, err
		}
	}
	return s.blocks, s.end()
}

// splitter reads PEM line by line.
type splitter struct {
	data   []byte
	line   []byte // which was taken last
	number int    // of that line, from 1
	before int    // bytes before that line

	blocks []*block
	last   *block // which is still to end; nil between blocks
	start  int    // of last, in bytes
}

// take takes the next line.
func (s *splitter) take(line []byte) error {
	s.number++
	s.before += len(s.line)
	s.line = line
	kind, label := readLine(line)
	switch kind {
	case lineDamaged: // not quoted: a private key may stand on it
		return fmt.Errorf("line %d is not a whole BEGIN or END line", s.number)
	case lineBegin:
		return s.begin(label)
	case lineEnd:
		return s.finish(label)
	default:
		return nil
	}
}

func (s *splitter) begin(label string) error {
	if s.last != nil {
		return s.cutOff()
	}
	if len(s.blocks) == maxKeys {
		return errTooMany
	}
	s.last = &block{label: label, line: s.number}
	s.start = s.before
	s.blocks = append(s.blocks, s.last)
	return nil
}

func (s *splitter) finish(label string) error {
	if s.last == nil {
		return fmt.Errorf("the block that ends on line %d does not begin", s.number)
	}
	if label != s.last.label {
		return s.cutOff()
	}
	s.last.text = s.data[s.start : s.before+len(s.line)]
	s.last = nil
	return nil
}

// end reports what the last line leaves open.
func (s *splitter) end() error {
	if s.last != nil {
		return s.cutOff()
	}
	if strings.HasPrefix(marker+"BEGIN", string(s.line)) {
		return errors.New("the last line is cut off")
	}
	return nil
}

func (s *splitter) cutOff() error { return fmt.Errorf("%v is cut off: it has no END line", s.last) }

// lineKind is what a line is to PEM.
type lineKind int

const (
	lineText lineKind = iota
	lineBegin
	lineEnd
	lineDamaged // begins like one of those
)

// marker stands at both ends of the lines around a block.
const marker = "-----"

// readLine returns what line is, and the label of one that begins or ends a
// block. Blanks before it count for nothing here, lest an indented block be
// taken for text; to decode it fails.
func readLine(line []byte) (lineKind, string) {
	text := strings.TrimSpace(string(line))
	kind := lineBegin
	rest, ok := strings.CutPrefix(text, marker+"BEGIN")
	if !ok {
		kind = lineEnd
		rest, ok = strings.CutPrefix(text, marker+"END")
	}
	if !ok {
		return lineText, ""
	}
	label, ok := strings.CutSuffix(rest, marker)
	if !ok || !strings.HasPrefix(label, " ") || strings.Contains(label, "--") {
		return lineDamaged, ""
	}
	return kind, label[1:]
}
