package keyset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
)

// snapshotFile keeps the last good keys of one source on disk. The zero value
// keeps nothing. It belongs to one goroutine.
type snapshotFile struct {
	path     string
	identity string // of the source whose keys they are
	logger   *slog.Logger

	jwks   []byte    // the last good keys
	kept   time.Time // when they were written
	broken bool      // whether the last attempt to write them failed
}

// stored is what such a file holds.
type stored struct {
	Version int       `json:"version"`
	Source  string    `json:"source"`
	Fetched time.Time `json:"fetched"`
	JWKS    []byte    `json:"jwks"` // in base64: byte for byte what was fetched
}

const (
	storedVersion = 1
	maxSkew       = time.Minute // by which a clock may have gone back since a file was written
)

// load returns the keys in the file, and when they were fetched. ok is false,
// and a line is logged, if there are none to be used.
func (f *snapshotFile) load(ctx context.Context, maxSize int64, now time.Time) (jwks []byte, fetched time.Time, ok bool) {
	if f.path == "" {
		return nil, time.Time{}, false
	}
	found, err := f.read(maxSize, now)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, time.Time{}, false // the first start
	case err != nil:
		f.logger.WarnContext(ctx, "keyset: snapshot file ignored", "error", err)
		return nil, time.Time{}, false
	}
	f.jwks, f.kept = found.JWKS, found.Fetched
	return found.JWKS, found.Fetched, true
}

func (f *snapshotFile) read(maxSize int64, now time.Time) (stored, error) {
	var found stored
	file, err := openRegular(f.path)
	if err != nil {
		return found, err
	}
	content, err := readOwn(file, maxSize*4/3+maxEnvelope)
	if err = errors.Join(err, file.Close()); err != nil {
		return found, fmt.Errorf("%s: %w", f.path, err)
	}
	if err := json.Unmarshal(content, &found); err != nil {
		return found, fmt.Errorf("%s: not a snapshot of keys", f.path) // the cause may quote it
	}
	switch {
	case found.Version != storedVersion:
		err = fmt.Errorf("version %d, not %d", found.Version, storedVersion)
	case found.Source != f.identity:
		err = fmt.Errorf("it is of %s, not of %s", quoteTo(maxCause, found.Source), quoteTo(maxCause, f.identity))
	case found.Fetched.After(now.Add(maxSkew)):
		err = errors.New("it is from the future")
	default:
		return found, nil
	}
	return found, fmt.Errorf("%s: %w", f.path, err)
}

// maxEnvelope is how much a file may be longer than the keys in it.
const maxEnvelope = 8 << 10

// save writes the keys, or, if jwks is nil, those from before, as fetched now,
// unless the file says nearly that already.
func (f *snapshotFile) save(ctx context.Context, jwks []byte, now time.Time, atMostEvery time.Duration) {
	if f.path == "" {
		return
	}
	unchanged := jwks == nil || string(jwks) == string(f.jwks)
	if !unchanged {
		f.jwks = jwks
	}
	if f.jwks == nil || unchanged && now.Sub(f.kept) < atMostEvery {
		return
	}
	err := f.write(now)
	if err == nil {
		f.kept = now
	} else if !f.broken {
		f.logger.WarnContext(ctx, "keyset: snapshot file can't be written", "error", err)
	}
	f.broken = err != nil
}

// write replaces the file as a whole, so that a crash leaves the old one or
// the new one.
func (f *snapshotFile) write(now time.Time) error {
	content, err := json.Marshal(stored{
		Version: storedVersion, Source: f.identity, Fetched: now.UTC().Round(0), JWKS: f.jwks,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	next, err := os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+".*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = next.Write(content)
	err = errors.Join(err, next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), f.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return nil
}
