package revocation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// FileWriterConfig says how to write to a file of entries. MaxLifetime is required.
type FileWriterConfig struct {
	// MaxLifetime is how long a token lives at most, and no less than that of the
	// lists that read the file: what is older is dropped from it.
	MaxLifetime time.Duration

	// Leeway is no less than that of the lists. 0 stands for [token.DefaultLeeway].
	Leeway time.Duration

	// Logger gets a line when the file can't be compacted. nil discards it.
	Logger *slog.Logger

	// Clock returns the time; nil stands for [time.Now]. By a clock that is ahead, what
	// still matters is dropped.
	Clock func() time.Time
}

// FileWriter is a [Writer] to a file that any number of [File] feeds read. Only one
// process at a time may have one for a file: another one's entries are lost when the
// file is compacted. The file is opened for each call and closed again, so there is
// nothing to close.
type FileWriter struct {
	path   string
	config Config // what a list that reads the file would have

	mu        sync.Mutex
	compactAt int64 // bytes
}

var _ Writer = (*FileWriter)(nil)

// OpenFileWriter returns a writer to the file at path, or to the one that it is a
// link to. It makes the file if it isn't there, with mode 0600: give those who read
// it as other users the right to. It compacts a file that is there (see
// [FileWriter.Compact]).
//
// A configuration mistake is an error: no MaxLifetime, a time that is out of range, a
// file that can't be written, is not a regular file, or has lines but no entry. The
// cause can be unwrapped ([os.ErrPermission]).
func OpenFileWriter(path string, config FileWriterConfig) (*FileWriter, error) {
	reader, err := Config{
		MaxLifetime: config.MaxLifetime, Leeway: config.Leeway, Logger: config.Logger, Clock: config.Clock,
	}.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("revocation: %w", err)
	}
	w := &FileWriter{path: path, config: reader}
	if err := w.open(); err != nil {
		return nil, fmt.Errorf("revocation: %w", err)
	}
	return w, nil
}

// open makes the file if there is none, and finds out which one it is.
func (w *FileWriter) open() error {
	file, err := w.openFile()
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if w.path, err = filepath.EvalSymlinks(w.path); err != nil { // a rename would replace the link
		return err
	}
	if err := syncDir(filepath.Dir(w.path)); err != nil {
		return err
	}
	return w.compact()
}

// openFile opens the file to read and add to.
func (w *FileWriter) openFile() (*os.File, error) {
	return openAs(w.path, os.O_RDWR|os.O_APPEND|os.O_CREATE)
}

// Revoke implements [Writer]. When it returns nil, the entries are on the disk.
// Those that have no time get the one of now. A crash in the middle of several may
// leave the first of them.
func (w *FileWriter) Revoke(ctx context.Context, entries ...Entry) error {
	lines, err := w.linesOf(entries)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := ctx.Err(); err != nil || len(lines) == 0 {
		return err
	}
	size, err := w.append(lines)
	if err != nil {
		return fmt.Errorf("revocation: %w", err)
	}
	if size >= w.compactAt {
		w.tryToCompact(ctx, size)
	}
	return nil
}

// linesOf returns the entries as lines.
func (w *FileWriter) linesOf(entries []Entry) ([]byte, error) {
	if err := checkAll(entries); err != nil {
		return nil, err
	}
	var lines []byte
	for _, e := range entries {
		if e.Made().IsZero() {
			e = e.At(w.config.Clock())
		}
		line, err := e.MarshalJSON()
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, line...), '\n')
	}
	return lines, nil
}

// append adds lines to the file, all or none, and returns how long it is then. One
// that was cut, when some process crashed, is ended first.
func (w *FileWriter) append(lines []byte) (size int64, err error) {
	file, err := w.openFile()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	last, err := readAt(file, max(info.Size()-1, 0), 1)
	if err != nil {
		return 0, err
	}
	if len(last) > 0 && last[0] != '\n' {
		lines = append([]byte{'\n'}, lines...)
	}
	if _, err := file.Write(lines); err != nil {
		return 0, errors.Join(err, file.Truncate(info.Size()))
	}
	return info.Size() + int64(len(lines)), file.Sync()
}
