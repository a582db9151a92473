package revocation

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

// List knows which tokens were revoked. It is what [token.WithRevocations] wants,
// and a [Writer] for this process. Any number of goroutines may use it; asking it
// takes no lock, waits for nothing and allocates nothing.
//
// An entry stays until no token that it matches can be valid any more. No feed can
// take one back: to undo a mistake, take it from where it is kept and start again
// the processes that read it.
type List struct {
	config   Config
	entries  *entries
	watchers watchers
	health   *health

	cancel context.CancelFunc
	done   sync.WaitGroup
}

var (
	_ token.Revocations = (*List)(nil)
	_ Writer            = (*List)(nil)
)

// NewList returns a list that is fed by the configured sources until
// [List.Close]. It returns at once and reads in the background.
//
// Only a configuration mistake is an error: no MaxLifetime, a time that is negative,
// absurdly long or, unlike zero, too short, a source without a name or a feed, a
// name given twice, an IssuedBefore that no token can match.
func NewList(config Config) (*List, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("revocation: %w", err)
	}
	l := &List{config: config, entries: newEntries(config), health: newHealth(config)}
	if err := l.brake(); err != nil {
		return nil, fmt.Errorf("revocation: IssuedBefore: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.health.tellFirst()
	for i, source := range config.Sources {
		f := newFollower(l, source, &l.health.sources[i])
		l.done.Go(func() { f.run(ctx) })
	}
	if len(config.Sources) > 0 && config.MaxAge > 0 {
		l.done.Go(func() { l.health.watch(ctx) })
	}
	return l, nil
}

// brake adds the entries of the configuration.
func (l *List) brake() error {
	for _, issuer := range slices.Sorted(maps.Keys(l.config.IssuedBefore)) {
		e := Issuer(issuer, l.config.IssuedBefore[issuer])
		if err := e.Check(); err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
		l.add(e)
	}
	return nil
}

// Close stops reading the sources and waits until that is done. The list goes on
// answering from what it has. It returns nil, and may be called more than once.
func (l *List) Close() error {
	l.cancel()
	l.done.Wait()
	return nil
}

// Revoke adds entries to this list: tokens that match are refused and open streams
// end before it returns, but nobody else learns of it. It implements [Writer], and
// fails only if one of the entries can match nothing; then none is added.
func (l *List) Revoke(_ context.Context, entries ...Entry) error {
	if err := checkAll(entries); err != nil {
		return err
	}
	for _, e := range entries {
		l.add(e)
	}
	return nil
}

// checkAll reports the first entry that can match nothing.
func checkAll(entries []Entry) error {
	for _, e := range entries {
		if err := e.Check(); err != nil {
			return fmt.Errorf("revocation: entry: %w", err)
		}
	}
	return nil
}

// add adds an entry and ends what it matches. Who begins to watch meanwhile finds
// the entry, or is found.
func (l *List) add(e Entry) {
	if r, news := l.entries.add(e, l.config.Clock()); news {
		l.watchers.tell(e.kind, r)
	}
}

// Revoked implements [token.Revocations]. The error is [ErrUnavailable]: the list
// was never read, or is older than MaxAge.
func (l *List) Revoked(t *token.Token) (bool, error) {
	if l.entries.match(t) {
		return true, nil
	}
	return false, l.health.err()
}

// OnRevoked implements [token.Revocations].
func (l *List) OnRevoked(t *token.Token, ended func()) (stop func()) {
	w := l.watchers.add(l.entries.keysOf(t), issuedAt(t), ended)
	if l.entries.match(t) {
		w.tell()
	}
	return func() { l.watchers.remove(w) }
}

// Covers implements [token.Revocations].
func (l *List) Covers(lifetime, leeway time.Duration) error {
	switch {
	case lifetime > l.config.MaxLifetime:
		return fmt.Errorf("revocation: tokens may live for %v, but the list's MaxLifetime is %v", lifetime, l.config.MaxLifetime)
	case leeway > l.config.Leeway:
		return fmt.Errorf("revocation: tokens are accepted %v longer, but the list's Leeway is %v", leeway, l.config.Leeway)
	default:
		return nil
	}
}

// Entries returns the entries that the list has now, in no order: to publish them
// again, say, where they were lost. Those that come or go meanwhile may be missing.
func (l *List) Entries() iter.Seq[Entry] { return l.entries.all }

// ErrUnavailable says that a list can't be relied on now: a source was never read
// to its end, or not for MaxAge. Errors that are ErrUnavailable have a method
// RetryAfter() time.Duration.
var ErrUnavailable = errors.New("revocation: the list is not up to date")
