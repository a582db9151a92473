package keyset

import (
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// FileConfig says how to read and watch a file of keys. The zero value suits
// most.
type FileConfig struct {
	// RSAAlgorithm is the algorithm of RSA keys that don't name one, which in
	// PEM none does. Zero means RS256.
	RSAAlgorithm Algorithm

	// KeyID names the keys in PEM, as that of [ParseConfig] does. Nil gives
	// none an id: with a second key for one algorithm, the file is then broken.
	// It is called by one goroutine at a time.
	KeyID func(public crypto.PublicKey) string

	// Interval is the time between two looks at the file. Zero means one
	// second. The file is read each time, and its contents are compared: whatever
	// notifies of changes, or looks at times of modification, misses some, such as
	// the swap of a link two directories up that Kubernetes makes.
	Interval time.Duration

	// Distrusted are the thumbprints of keys that are never used, whatever the
	// file says, see [Remote.Distrust]. Empty means none.
	Distrusted []string

	// Observer is told of a file that changed, broke or is whole again, and of
	// refused keys. Nil means nobody, and costs nothing.
	Observer Observer

	// Logger is told of changed keys, of keys that are left out and of a file
	// that broke. Nil means [slog.Default].
	Logger *slog.Logger

	// Clock tells the time for Observer and [File.Status]. Nil means [time.Now].
	Clock func() time.Time
}

// maxFileSize bounds a file of keys, in bytes: about a thousand RSA keys.
const maxFileSize = 1 << 20

// File is a [Set] of the keys in a file, which it watches until [File.Close].
//
// A changed file replaces all keys, about one Interval after the change. A
// file that can't be read or parsed, or has no usable key, changes nothing and
// is warned about, once for each way of being broken. Keys of a file never get
// too old: whoever looks after the file is nearer than an issuer.
type File struct {
	path     string
	interval time.Duration
	clock    func() time.Time
	rules    jwkRules
	broken   atomic.Pointer[breakage] // nil if the file can be read

	keys     published
	observed observed
	cancel   context.CancelFunc
	done     chan struct{}

	// The watcher's own:
	digest [sha256.Size]byte // of the contents that were parsed last; they may hold secrets
	err    error             // what came of it
}

// breakage is why a file can't be read now.
type breakage struct {
	err   error
	since time.Time
	times int // so many looks at it in a row
}

// Load reads the JWK Set or PEM in the file at path, of 1 MiB at most, as
// [Parse] does, and watches it. The file may change from one to the other.
// Symmetric keys (kty "oct") are accepted: guard the file as you guard the
// secrets in it. Keys that can't be used are left out with a warning.
//
// Replace the file by a rename. One that is half-written is broken, but PEM
// that was cut between two blocks looks whole.
//
// A configuration mistake is an error: a file that can't be read, is not a
// regular file or a link to one, or that Parse would refuse; an
// RSAAlgorithm that is not for RSA; an Interval that is negative, or under a
// millisecond; a Distrusted that is no thumbprint. The cause of a failed
// read can be unwrapped ([os.ErrNotExist]). Call Close on the set when done
// with it.
func Load(path string, config FileConfig) (*File, error) {
	interval, err := timeOr("Interval", config.Interval, time.Second)
	if err != nil {
		return nil, err
	}
	f := &File{
		path: path, interval: interval, clock: clockOr(config.Clock),
		rules:    jwkRules{rsaAlgorithm: config.RSAAlgorithm, secrets: true, keyID: config.KeyID},
		keys:     published{logger: loggerFor(config.Logger, "file", path)},
		observed: observed{observer: config.Observer, name: path},
		done:     make(chan struct{}),
	}
	if err := f.rules.check(); err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
	}
	if len(config.Distrusted) > 0 {
		if err := f.Distrust(config.Distrusted...); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	if _, err := f.read(ctx); err != nil {
		cancel()
		return nil, fmt.Errorf("keyset: %w", err)
	}
	go f.watch(ctx)
	return f, nil
}

// Key implements [Set]. It never waits. While the file can't be read, an id that
// its last good keys lack is an [UnavailableError]: the key may be in the file
// that is to come. After [File.Close] it goes on answering as it did last.
func (f *File) Key(ctx context.Context, id string, alg Algorithm) (*Key, error) {
	key, err := f.key(id, alg)
	f.observed.refused(ctx, id, alg, err)
	return key, err
}

func (f *File) key(id string, alg Algorithm) (*Key, error) {
	broken := f.broken.Load() // before the keys, which may come while we look
	keys := f.keys.load().index
	key, err := keys.key(id, alg)
	if err != nil && broken != nil && id != "" && !keys.knows(id) && !keys.barred[id] {
		return nil, &UnavailableError{After: f.interval, Err: broken.err}
	}
	return key, err
}

// Snapshot implements [Live].
func (f *File) Snapshot() *Snapshot { return f.keys.load() }

// Status returns how the set is doing, for a page that operators read. The
// keys of a file that can be read have no age.
func (f *File) Status() Status {
	now := f.clock()
	status := statusOf(f.keys.load(), now)
	status.Age = 0
	if broken := f.broken.Load(); broken != nil {
		status.Err, status.Failures, status.Age = broken.err, broken.times, max(now.Sub(broken.since), 0)
	}
	return status
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
			f.look(ctx)
		}
	}
}

// look reads the file once, and tells if that changed anything.
func (f *File) look(ctx context.Context) {
	began := f.clock()
	changed, err := f.read(ctx)
	news := f.report(ctx, err)
	if observer := f.observed.observer; observer != nil && (changed || news) {
		observer.Refreshed(ctx, Refresh{
			Source: f.path, Err: err, Changed: changed, Duration: f.clock().Sub(began), Status: f.Status(),
		})
	}
}

// read publishes the keys in the file, and returns why it can't. Contents that
// it knows already have the same outcome.
func (f *File) read(ctx context.Context) (changed bool, err error) {
	content, err := readFile(f.path, maxFileSize)
	if err != nil {
		return false, err
	}
	digest := sha256.Sum256(content)
	if digest == f.digest {
		return false, f.err
	}
	f.digest = digest
	changed, f.err = f.parse(ctx, content)
	return changed, f.err
}

func (f *File) parse(ctx context.Context, content []byte) (changed bool, err error) {
	keys, skipped, err := parseKeys(content, f.rules)
	if err != nil {
		return false, fmt.Errorf("%s: %w", f.path, err)
	}
	return f.keys.publish(ctx, keys, skipped, f.clock()), nil
}

// report remembers and logs when the file breaks, breaks in another way, or is
// whole again. It says whether that is news.
func (f *File) report(ctx context.Context, err error) (news bool) {
	before := f.broken.Load()
	switch {
	case err == nil && before == nil:
		return false
	case err == nil:
		f.broken.Store(nil)
		f.keys.logger.InfoContext(ctx, "keyset: file can be read again")
		return true
	case before == nil:
		f.broken.Store(&breakage{err: err, since: f.clock(), times: 1})
	default:
		f.broken.Store(&breakage{err: err, since: before.since, times: before.times + 1})
		if err.Error() == before.err.Error() {
			return false
		}
	}
	f.keys.logger.WarnContext(ctx, "keyset: file is broken, its last good keys stay", "error", err)
	return true
}
