package keyset

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// FileConfig says how to read and watch a file of keys. The zero value suits
// most.
type FileConfig struct {
	// RSAAlgorithm is the algorithm of RSA keys that don't name one.
	// Zero means RS256.
	RSAAlgorithm Algorithm

	// Interval is the time between two looks at the file. Zero means one
	// second.
	Interval time.Duration

	// Logger is told of changed keys, of keys that are left out and of a file
	// that broke. Nil means [slog.Default].
	Logger *slog.Logger
}

// maxFileSize bounds a file of keys, in bytes: about a thousand RSA keys.
const maxFileSize = 1 << 20

// File is a [Set] of the keys in a file, which it watches until [File.Close].
//
// A changed file replaces all keys, about one Interval after the change. A
// file that can't be read or parsed, or has no usable key, changes nothing and
// is warned about, once for each way of being broken.
type File struct {
	path     string
	interval time.Duration
	rules    jwkRules
	broken   atomic.Pointer[error] // why the file can't be read now; nil if it can

	keys   published
	cancel context.CancelFunc
	done   chan struct{}

	// The watcher's own:
	digest  [sha256.Size]byte // of the contents that were parsed last; they may hold secrets
	err     error             // what came of it
	trouble string            // what was warned about last; "" if the file is fine
}

// Load reads the JWK Set (RFC 7517 section 5) in the file at path, of 1 MiB at
// most, and watches it. Symmetric keys (kty "oct") are accepted: guard the
// file as you guard the secrets in it. Keys that can't be used are left out
// with a warning.
//
// A configuration mistake is an error: a file that can't be read, is not a
// regular file or a link to one, is not a JWK Set or has no usable key; an
// RSAAlgorithm that is not for RSA; a negative Interval. The cause of a failed
// read can be unwrapped ([os.ErrNotExist]). Call Close on the set when done
// with it.
func Load(path string, config FileConfig) (*File, error) {
	f := &File{
		path:  path,
		rules: jwkRules{rsaAlgorithm: config.RSAAlgorithm, secrets: true},
		keys:  published{logger: loggerFor(config.Logger, "file", path)},
		done:  make(chan struct{}),
	}
	interval, err := orDefault("Interval", config.Interval, time.Second)
	if err != nil {
		return nil, err
	}
	if err := f.rules.check(); err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
	}
	f.interval = interval
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	if err := f.read(ctx); err != nil {
		cancel()
		return nil, fmt.Errorf("keyset: %w", err)
	}
	go f.watch(ctx)
	return f, nil
}

// Key implements [Set]. It never waits. While the file can't be read, an id that
// its last good keys lack is an [UnavailableError]: the key may be in the file
// that is to come. After [File.Close] it goes on answering as it did last.
func (f *File) Key(_ context.Context, id string, alg Algorithm) (*Key, error) {
	broken := f.broken.Load() // before the keys, which may come while we look
	keys := f.keys.load()
	key, err := keys.key(id, alg)
	if err != nil && broken != nil && id != "" && !keys.knows(id) {
		return nil, &UnavailableError{After: f.interval, Err: *broken}
	}
	return key, err
}

// Close stops watching the file and waits until a read under way is done. It
// may be called more than once; the error is always nil.
func (f *File) Close() error {
	f.cancel()
	<-f.done
	return nil
}

// watch reads the file again and again until ctx ends.
//
// It polls, and compares contents, because all that is cheaper misses changes:
// Kubernetes swaps a link two directories up, editors rename a new file over
// the old one, network mounts report nothing, and a file can be rewritten
// within the resolution of its modification time. Reading a few KB a second
// costs nothing.
func (f *File) watch(ctx context.Context) {
	defer close(f.done)
	ticker := time.NewTicker(f.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.report(ctx, f.read(ctx))
		}
	}
}

// read publishes the keys in the file, and returns why it can't. Contents that
// it knows already have the same outcome.
func (f *File) read(ctx context.Context) error {
	content, err := readFile(f.path)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(content)
	if digest == f.digest {
		return f.err
	}
	f.digest = digest
	f.err = f.parse(ctx, content)
	return f.err
}

func (f *File) parse(ctx context.Context, content []byte) error {
	snapshot, skipped, err := parseJWKS(content, f.rules)
	if err != nil {
		return fmt.Errorf("%s: JWK Set: %w", f.path, err)
	}
	f.keys.publish(ctx, snapshot, skipped)
	return nil
}

// report remembers and logs when the file breaks, breaks in another way, or is whole again.
func (f *File) report(ctx context.Context, err error) {
	if err != nil {
		f.broken.Store(&err)
	} else {
		f.broken.Store(nil)
	}
	switch {
	case err == nil && f.trouble != "":
		f.trouble = ""
		f.keys.logger.InfoContext(ctx, "keyset: file can be read again")
	case err != nil && err.Error() != f.trouble:
		f.trouble = err.Error()
		f.keys.logger.WarnContext(ctx, "keyset: file is broken, its last good keys stay", "error", err)
	}
}

// readFile reads a regular file of at most maxFileSize. Anything else that a
// path may lead to, such as a pipe, could keep the reader waiting for good.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	file, err := os.Open(path) //nolint:gosec // the path is the operator's choice
	if err != nil {
		return nil, err
	}
	content, err := readBounded(file, maxFileSize)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return content, nil
}

// readBounded reads all of r, and fails if that is more than limit bytes.
func readBounded(r io.Reader, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("more than %d bytes", limit)
	}
	return content, nil
}
