//go:build soak

package keyset_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// soakSource is a set under test, over all its restarts, and what is known of
// where its keys are from.
type soakSource struct {
	name      string
	windows   windows
	config    keyset.RemoteConfig // of a remote set
	remote    bool
	discovers bool
	quiet     bool // it is hardly asked for ids that it lacks
	open      func(keyset.Observer) (soakSet, error)
	verifier  func(keyset.Live) (*token.Verifier, error)

	health  health
	current atomic.Pointer[incarnation]
	delays  delays

	fetches  atomic.Int64 // that ended
	refusals atomic.Int64 // that verifiers met
	told     atomic.Int64 // refusals that witnesses were told of

	mu          sync.Mutex
	condition   condition // of where the keys are from
	restarting  bool
	restartsIll int // restarts while that wasn't well
}

// soakSet is what is common to a Remote and a File.
type soakSet interface {
	keyset.Live
	Status() keyset.Status
	Close() error
}

// incarnation is a source from one start to the next.
type incarnation struct {
	set      soakSet
	verifier *token.Verifier
	witness  *witness
}

// start opens the set.
func (s *soakSource) start(fetched func(error)) error {
	w := &witness{refused: &s.told, fetched: fetched}
	set, err := s.open(w)
	if err != nil {
		return err
	}
	verifier, err := s.verifier(set)
	if err != nil {
		return err
	}
	s.current.Store(&incarnation{set: set, verifier: verifier, witness: w})
	return nil
}

// restart closes the set, and opens it after a while.
func (s *soakSource) restart(gap time.Duration) error {
	s.mu.Lock()
	s.restarting = true
	if s.condition != well {
		s.restartsIll++
	}
	s.health.becomes(unclear)
	s.mu.Unlock()

	old := s.current.Load()
	if err := old.set.Close(); err != nil {
		return err
	}
	time.Sleep(gap)
	if err := s.start(old.witness.fetched); err != nil {
		return err
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.restarting = false
	s.health.restarted()
	s.health.becomes(s.condition)
	return nil
}

// becomes says how the place is where the keys are from.
func (s *soakSource) becomes(c condition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.condition = c
	if !s.restarting {
		s.health.becomes(c)
	}
}

// patient reports whether the keys of the set outlive every fault.
func (s *soakSource) patient() bool { return !s.remote || s.config.MaxStale == longStale }

// witness is the observer of one incarnation.
type witness struct {
	refused *atomic.Int64
	fetched func(error) // is told of each fetch

	mu       sync.Mutex
	attempts []attempted // the latest
}

type attempted struct {
	at time.Time // some time after its end
	ok bool
}

func (w *witness) Refused(context.Context, keyset.Refusal) { w.refused.Add(1) }

func (w *witness) Refreshed(_ context.Context, r keyset.Refresh) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.attempts = append(w.attempts, attempted{at: time.Now(), ok: r.Err == nil})
	if len(w.attempts) > maxSpans {
		w.attempts = w.attempts[1:]
	}
	w.fetched(r.Err)
}

// succeeded reports whether a fetch ended well between the two times.
func (w *witness) succeeded(from, to time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.attempts {
		if a.ok && !a.at.Before(from) && !a.at.After(to) {
			return true
		}
	}
	return false
}

// failedLast reports whether the last fetch that had ended by then failed.
func (w *witness) failedLast(by time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	failed := false
	for _, a := range w.attempts {
		if !a.at.After(by) {
			failed = !a.ok
		}
	}
	return failed
}

// discoveredSource returns a set made by Discover.
func discoveredSource(issuer *jwttest.Issuer, name string, config keyset.RemoteConfig) *soakSource {
	return &soakSource{
		name: name, windows: remoteWindows(config, true, false), remote: true, discovers: true, config: config,
		verifier: verifierFor(issuer),
		open: func(observer keyset.Observer) (soakSet, error) {
			config := config
			config.Observer, config.Logger = observer, slog.New(slog.DiscardHandler)
			return keyset.Discover(issuer.URL(), config)
		},
	}
}

// fetchedSource returns a set made by Fetch.
func fetchedSource(issuer *jwttest.Issuer, name string, config keyset.RemoteConfig, quiet bool) *soakSource {
	url := issuer.JWKSURL() // before the keys move
	return &soakSource{
		name: name, windows: remoteWindows(config, false, quiet), quiet: quiet, remote: true, config: config,
		verifier: verifierFor(issuer),
		open: func(observer keyset.Observer) (soakSet, error) {
			config := config
			config.Observer, config.Logger = observer, slog.New(slog.DiscardHandler)
			return keyset.Fetch(url, config)
		},
	}
}

// loadedSource returns a set made by Load.
func loadedSource(issuer *jwttest.Issuer, name, path string) *soakSource {
	return &soakSource{
		name: name, windows: fileWindows(), verifier: verifierFor(issuer),
		open: func(observer keyset.Observer) (soakSet, error) {
			return keyset.Load(path, keyset.FileConfig{
				Interval: fileInterval, Observer: observer, Logger: slog.New(slog.DiscardHandler),
			})
		},
	}
}

func verifierFor(issuer *jwttest.Issuer) func(keyset.Live) (*token.Verifier, error) {
	return func(keys keyset.Live) (*token.Verifier, error) {
		return token.NewVerifier([]token.Issuer{{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: attentiveSet{keys}}})
	}
}

// feed is the file that a [keyset.File] witnesses. It holds what the issuer
// publishes, unless it is broken.
type feed struct {
	issuer *jwttest.Issuer
	path   string

	mu     sync.Mutex
	broken bool
}

// update writes what is published now.
func (f *feed) update() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken {
		return nil
	}
	return f.put(f.issuer.JWKS())
}

// put replaces the file by a rename.
func (f *feed) put(content []byte) error {
	next := f.path + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return err
	}
	return os.Rename(next, f.path)
}

// harm breaks the file in some way, and returns which.
func (f *feed) harm(random *rand.Rand) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = true
	content := f.issuer.JWKS()
	switch random.IntN(4) {
	case 0:
		return "file: gone", os.Remove(f.path)
	case 1:
		return "file: empty", f.put(nil)
	case 2:
		return "file: half of it", f.put(content[:len(content)/2])
	default:
		return "file: HTML", f.put([]byte("<!DOCTYPE html><title>Maintenance</title>"))
	}
}

// mend makes the file whole.
func (f *feed) mend() error {
	f.mu.Lock()
	f.broken = false
	f.mu.Unlock()
	return f.update()
}
