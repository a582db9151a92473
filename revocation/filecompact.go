package revocation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// minCompact is the size in bytes under which a file that grows is left as it is.
const minCompact = 1 << 20

// Compact drops from the file what is said twice, can't be understood, or matches no
// token that can still be valid. It is called when the file is opened, and by a
// Revoke after which the file is twice as long as it was then and longer than 1 MiB,
// so there is rarely a need to.
//
// If there is something to drop, the file is replaced by a rename, and those who
// follow it read it again. It keeps its mode, but not its owner and group. What
// somebody else adds meanwhile is lost.
func (w *FileWriter) Compact() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.compact(); err != nil {
		return fmt.Errorf("revocation: %w", err)
	}
	return nil
}

// tryToCompact compacts the file. Should that fail, nothing is lost but room.
func (w *FileWriter) tryToCompact(ctx context.Context, size int64) {
	if err := w.compact(); err != nil {
		w.compactAt = 2 * size
		w.config.Logger.WarnContext(ctx, "revocation: file can't be compacted", slog.Any("error", err))
	}
}

func (w *FileWriter) compact() error {
	file, err := openRegular(w.path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	now := w.config.Clock()
	found, err := readContents(file, w.noEntries(), now)
	if err != nil {
		return fmt.Errorf("%s: %w", w.path, err)
	}
	size := info.Size()
	if found.lines > found.entries.len(now) {
		if size, err = w.replace(found.entries, info.Mode().Perm()); err != nil {
			return err
		}
	}
	w.compactAt = max(2*size, minCompact)
	return nil
}

// noEntries returns where those of the file go. They keep the times that they have: to
// correct these is for who reads the file, and here a clock that is behind for a moment
// would do so for good.
func (w *FileWriter) noEntries() *entries {
	none := newEntries(w.config)
	none.ahead = maxDate
	return none
}

// contents are what a file holds.
type contents struct {
	entries    *entries // that still matter
	lines      int      // that say something, be it nonsense
	understood int      // of them
}

// readContents reads a whole file into entries. One whose lines are all something
// else is an error: it is not ours to write to.
func readContents(file io.ReaderAt, into *entries, now time.Time) (contents, error) {
	found := contents{entries: into}
	inside := false
	for offset := int64(0); ; {
		chunk, err := readAt(file, offset, maxChunk)
		if err != nil {
			return found, err
		}
		batch, used := parseLines(chunk, offset, inside)
		if used == 0 { // the end, or a line that has no end yet
			if found.lines > 0 && found.understood == 0 {
				return found, errors.New("it has lines, but none of them is an entry")
			}
			batch.line(chunk, offset)
			found.take(batch, now)
			return found, nil
		}
		found.take(batch, now)
		inside = chunk[used-1] != '\n'
		offset += int64(used)
	}
}

// take adds what lines say.
func (c *contents) take(batch Batch, now time.Time) {
	for _, e := range batch.Entries {
		c.entries.add(e, now)
	}
	c.understood += len(batch.Entries)
	c.lines += len(batch.Entries) + len(batch.Skipped)
}

// replace puts a file with these entries in the place of the one there is, and
// returns its size. After a crash there is the old one or the new one.
func (w *FileWriter) replace(entries *entries, mode os.FileMode) (int64, error) {
	next, err := os.CreateTemp(filepath.Dir(w.path), "."+filepath.Base(w.path)+".*") // with mode 0600
	if err != nil {
		return 0, err
	}
	size, err := writeAll(next, entries)
	err = errors.Join(err, next.Chmod(mode), next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), w.path)
	}
	if err != nil {
		return 0, errors.Join(err, os.Remove(next.Name()))
	}
	return size, syncDir(filepath.Dir(w.path))
}

// writeAll writes all entries, and returns how many bytes that were.
func writeAll(to io.Writer, entries *entries) (size int64, err error) {
	var lines bytes.Buffer
	for e := range entries.all {
		line, err := e.MarshalJSON()
		if err != nil {
			return size, err
		}
		lines.Write(append(line, '\n'))
		if lines.Len() < maxChunk {
			continue
		}
		n, err := lines.WriteTo(to)
		if size += n; err != nil {
			return size, err
		}
	}
	n, err := lines.WriteTo(to)
	return size + n, err
}
