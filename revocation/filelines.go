package revocation

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// Bounds of what is read, in bytes.
const (
	maxLine  = 16 << 10 // more than the longest entry, all of which is escaped, takes
	maxChunk = 256 << 10
)

// readLines returns what the lines after a position say.
func readLines(file io.ReaderAt, info os.FileInfo, position string) (Batch, error) {
	offset, err := offsetOf(position)
	if err != nil {
		return Batch{}, err
	}
	s, err := readStretch(file, info, offset)
	if err != nil {
		return Batch{}, err
	}
	if position != "" && position != s.position(offset) {
		return Batch{}, fmt.Errorf("%w: the file is another one", ErrPositionLost)
	}
	batch, used := parseLines(s.after(offset), offset, s.isInsideLine(offset))
	next := offset + int64(used)
	batch.Position = s.position(next)
	batch.UpToDate = s.end() >= info.Size()
	return batch, nil
}

// parseLines returns what lines say, and how many bytes they have. What comes after
// the last newline is not used, unless it is too long to become a line. Offset, of
// the first byte, is for messages; inside says that the first line is the rest of
// one that is too long.
func parseLines(chunk []byte, offset int64, inside bool) (batch Batch, used int) {
	for {
		end := bytes.IndexByte(chunk[used:], '\n')
		switch rest := len(chunk) - used; {
		case end < 0 && inside:
			return batch, len(chunk)
		case end < 0 && rest > maxLine:
			batch.skip(offset+int64(used), errLongLine)
			return batch, len(chunk)
		case end < 0:
			return batch, used
		case !inside:
			batch.line(chunk[used:used+end], offset+int64(used))
		}
		inside = false
		used += end + 1
	}
}

var errLongLine = fmt.Errorf("it is longer than %d bytes", maxLine)

// line adds what a line says.
func (b *Batch) line(line []byte, offset int64) {
	if len(line) > maxLine {
		b.skip(offset, errLongLine)
		return
	}
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return
	}
	e, err := parseEntry(line)
	if err != nil {
		b.skip(offset, err)
		return
	}
	b.Entries = append(b.Entries, e)
}

// skip notes a line that can't be used. It may be anything, and is not quoted.
func (b *Batch) skip(offset int64, err error) {
	b.Skipped = append(b.Skipped, fmt.Errorf("line at byte %d: %w", offset, err))
}
