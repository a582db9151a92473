package revocation

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// window is how much of a file is compared at its beginning, and before a position.
const window = 4 << 10

// stretch is a part of a file, and what tells the file from others. It is read
// once: what a position says of it is what its lines were read from, whatever
// becomes of the file meanwhile.
type stretch struct {
	id   string
	head []byte // the first bytes of the file
	from int64  // where text begins
	text []byte
}

// readStretch reads what is around an offset: a window before it, and a chunk after.
// There is less if the file is shorter, and [ErrPositionLost] if it doesn't get there.
func readStretch(file io.ReaderAt, info os.FileInfo, offset int64) (*stretch, error) {
	if offset > info.Size() {
		return nil, errCut
	}
	s := &stretch{id: fileID(info), from: offset - min(offset, window)}
	var err error
	if s.head, err = readAt(file, 0, min(info.Size(), window)); err != nil {
		return nil, err
	}
	s.text, err = readAt(file, s.from, min(info.Size()-offset, maxChunk)+offset-s.from)
	if err == nil && s.end() < offset {
		err = errCut // meanwhile
	}
	return s, err
}

var errCut = fmt.Errorf("%w: the file was cut", ErrPositionLost)

// readAt returns so many bytes of a file, or those that there are.
func readAt(file io.ReaderAt, offset, size int64) ([]byte, error) {
	text := make([]byte, size)
	n, err := file.ReadAt(text, offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text[:n], err
}

// end returns where the text ends.
func (s *stretch) end() int64 { return s.from + int64(len(s.text)) }

// after returns the text after an offset.
func (s *stretch) after(offset int64) []byte { return s.text[offset-s.from:] }

// isInsideLine reports whether the byte before the offset ends no line: what follows
// is the rest of one that is too long.
func (s *stretch) isInsideLine(offset int64) bool {
	return offset > s.from && s.text[offset-s.from-1] != '\n'
}

// position returns the position at an offset: which file it is, a hash of the first
// and the last bytes before the offset, and the offset.
func (s *stretch) position(offset int64) string {
	size := min(offset, window)
	hash := sha256.New()
	hash.Write(s.head[:min(size, int64(len(s.head)))])
	hash.Write(s.text[max(offset-size-s.from, 0) : offset-s.from])
	return fmt.Sprintf("%s:%x:%d", s.id, hash.Sum(nil)[:8], offset)
}

// offsetOf returns how many bytes are before a position.
func offsetOf(position string) (int64, error) {
	if position == "" {
		return 0, nil
	}
	offset, err := strconv.ParseInt(position[strings.LastIndexByte(position, ':')+1:], 10, 64)
	if err != nil || offset < 0 {
		return 0, fmt.Errorf("%w: not a position in a file", ErrPositionLost)
	}
	return offset, nil
}
