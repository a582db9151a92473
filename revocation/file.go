package revocation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// FileConfig says how to watch a file of entries. The zero value suits most.
type FileConfig struct {
	// Interval is the time between two looks at the file, from a millisecond to five
	// seconds. 0 stands for 100 ms. A look asks the file system for the file's size
	// and time of modification: whatever notifies of changes misses those on network
	// mounts, and the swap of a link two directories up that Kubernetes makes.
	Interval time.Duration
}

// File is a [Feed] of the entries in a file, a line each, as [Entry.MarshalJSON]
// writes them. [FileWriter] adds to it, and so may anything else that appends whole
// lines. The file is opened for each look at it and closed again, so there is
// nothing to close.
//
// A line counts once its newline is there. One that can't be understood, or is
// longer than 16 KiB, is skipped, and the others count. Lines without anything in
// them say nothing.
//
// The file may grow, be replaced by another one and be truncated: what doesn't go on
// from where a reader was is read again from its beginning. This is noticed by which
// file it is, by its size, and by its first and last 4 KiB up to where the reader
// was. A change in the middle that leaves all of these as they were is not noticed;
// replace a file by a rename. An entry that is taken out of the file stays in the
// lists that have it.
//
// A file that isn't there is an error, and not an empty list: its name may be
// misspelt, or what holds it not mounted. [OpenFileWriter] makes it.
//
// Who can write to the file can log out everybody in it, and who can remove it takes
// back what was revoked: guard it as you guard the keys that tokens are verified with.
type File struct {
	path     string
	interval time.Duration
}

var _ Feed = (*File)(nil)

// How a file is read.
const (
	defaultInterval = 100 * time.Millisecond
	maxInterval     = 5 * time.Second
	fileWait        = time.Second // that Read waits, unless Interval is longer
)

// NewFile returns a feed of the file at path, which need not be there yet. Only a
// configuration mistake is an error: an empty path, an Interval that is out of range.
func NewFile(path string, config FileConfig) (*File, error) {
	if config.Interval == 0 {
		config.Interval = defaultInterval
	}
	switch {
	case path == "":
		return nil, errors.New("revocation: the path of a file is missing")
	case config.Interval < time.Millisecond || config.Interval > maxInterval:
		return nil, fmt.Errorf("revocation: Interval %v is not between a millisecond and %v", config.Interval, maxInterval)
	}
	return &File{path: path, interval: config.Interval}, nil
}

// Read implements [Feed]. A batch has what 256 KiB of the file hold, at most. That
// the file can't be opened or is not a regular file is an error; its cause can be
// unwrapped ([os.ErrNotExist]).
func (f *File) Read(ctx context.Context, position string) (Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, max(fileWait, f.interval))
	defer cancel()
	for {
		batch, seen, err := f.look(position)
		if err != nil {
			return Batch{}, fmt.Errorf("revocation: %w", err)
		}
		if batch.Position != position || !f.wait(ctx, seen) {
			return batch, nil
		}
	}
}

// look opens the file and reads what comes after a position. It returns what the
// file was like before it did.
func (f *File) look(position string) (batch Batch, seen os.FileInfo, err error) {
	file, err := openRegular(f.path)
	if err != nil {
		return Batch{}, nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	if seen, err = file.Stat(); err != nil {
		return Batch{}, nil, err
	}
	batch, err = readLines(file, seen, position)
	if err != nil {
		return Batch{}, nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return batch, seen, nil
}

// wait waits until the file is not as it was, or can't be found, and reports whether
// that happened before ctx ended.
func (f *File) wait(ctx context.Context, seen os.FileInfo) bool {
	ticker := time.NewTicker(f.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
		now, err := os.Stat(f.path)
		if err != nil || !os.SameFile(seen, now) || now.Size() != seen.Size() || !now.ModTime().Equal(seen.ModTime()) {
			return true
		}
	}
}
