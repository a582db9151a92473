package keyset

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Remote is a [Set] of the keys that an issuer publishes, which it keeps up to
// date until [Remote.Close].
//
// Keys that came once stay until a later fetch replaces all of them, or they
// are older than MaxStale: a fetch that fails, serves no JWK Set or no usable
// key changes nothing, and is tried again with growing pauses.
type Remote struct {
	config   RemoteConfig
	issuer   string // "" if it was not discovered
	keys     published
	attempts *attempts
	observed observed

	discoveryErr *atomic.Pointer[error] // why the discovery document can't be read

	changed chan struct{} // has a value when the keys changed behind the refresher
	done    chan struct{} // closed when the refresher returns
	cancel  context.CancelFunc
}

// Fetch returns the set of the keys that url serves as a JWK Set (RFC 7517
// section 5). It returns at once and fetches in the background, and again before
// the keys get old: until the first keys are there, the set answers
// [ErrUnavailable]. Secrets (kty "oct") are left out.
//
// Only a configuration mistake is an error: a URL that is not https (http is
// for loopback), has no host, has user info or is over 2 KiB; a RedirectHosts that
// is not a host; an RSAAlgorithm that is not for RSA; a negative number; a time
// under a millisecond or over ten years; two times of which the shorter is the
// longer; a MaxBody over 1 GiB; a Distrusted that is no thumbprint; a DiscoveryURL.
// Call Close on the set when done with it.
func Fetch(url string, config RemoteConfig) (*Remote, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	if config.DiscoveryURL != "" {
		return nil, errors.New("keyset: DiscoveryURL is for Discover")
	}
	endpoint, err := newEndpoint(url, config)
	if err != nil {
		return nil, fmt.Errorf("keyset: key URL: %w", err)
	}
	return start(config, newSource(config, endpoint, ""))
}

// start returns the set of the keys of the given source.
func start(config RemoteConfig, from *source) (*Remote, error) {
	if err := from.rules.check(); err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
	}
	r := &Remote{
		config: config, issuer: from.issuer,
		keys:     published{logger: from.logger, maxAge: config.MaxStale},
		attempts: newAttempts(config),
		observed: observed{observer: config.Observer, name: from.name()},
		changed:  make(chan struct{}, 1),
		done:     make(chan struct{}),

		discoveryErr: &from.discoveryErr,
	}
	if len(config.Distrusted) > 0 {
		if err := r.Distrust(config.Distrusted...); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	refresher := newRefresher(r, from)
	wait := refresher.recall(ctx)
	refresher.tellFirst()
	go refresher.run(ctx, wait)
	return r, nil
}

// Issuer returns the issuer that was discovered, whose keys these are, and ""
// for a set made by [Fetch].
func (r *Remote) Issuer() string { return r.issuer }

// Key implements [Set]. It waits only for an id that the set lacks, and only
// if a fetch is under way, or the budget of [RemoteConfig] allows one and the
// last one went well: at most UnknownWait, and no longer than ctx. A set that
// names its keys lacks an id although it has a key without one, which would fit.
//
// An id that is still not there is [ErrUnknownKey] (or [ErrWrongAlgorithm]) if
// a fetch just now didn't bring it, and else an [UnavailableError]: after a
// fetch that failed, until the next one. A token without an id never causes a
// fetch, nor does an algorithm that no key here can be for.
//
// After [Remote.Close] it goes on answering from the last keys until they are
// too old; an id that they lack is [ErrUnavailable].
func (r *Remote) Key(ctx context.Context, id string, alg Algorithm) (*Key, error) {
	key, err := r.key(ctx, id, alg)
	r.observed.refused(ctx, id, alg, err)
	return key, err
}

func (r *Remote) key(ctx context.Context, id string, alg Algorithm) (*Key, error) {
	keys, err := r.current()
	if err != nil {
		return nil, err
	}
	key, err := keys.key(id, alg)
	switch {
	case !keys.mayLack(id, alg):
		return key, err
	case keys.barred[id]: // that much is known, whatever the issuer says
		r.attempts.ask(id)
		return key, err
	}
	if lack := r.learn(ctx, id, alg); lack != nil {
		if key != nil && r.attempts.everMissing(id) { // it is what verified such tokens before
			return key, nil
		}
		return nil, lack
	}
	if keys, err = r.current(); err != nil {
		return nil, err
	}
	return keys.key(id, alg)
}

// current returns the keys that may be used now.
func (r *Remote) current() (*index, error) {
	snapshot := r.keys.load()
	switch {
	case snapshot == nil:
		return nil, r.attempts.unavailable(nil)
	case snapshot.staleAt(r.config.Clock()):
		_, last := r.attempts.lately()
		return nil, r.attempts.unavailable(tooOld(r.config.MaxStale, last))
	default:
		return snapshot.index, nil
	}
}

func tooOld(maxStale time.Duration, last error) error {
	if last == nil {
		return fmt.Errorf("the keys are older than %v", maxStale)
	}
	return fmt.Errorf("the keys are older than %v: %w", maxStale, last)
}

// learn waits until the set has a key for id, or is as fresh as an answer
// "unknown" must be. The error is an [UnavailableError].
func (r *Remote) learn(ctx context.Context, id string, alg Algorithm) error {
	timer := time.NewTimer(r.config.UnknownWait)
	defer timer.Stop()
	for first := true; ; first = false {
		attempt, late, err := r.attempts.join(id)
		if attempt == nil {
			return err
		}
		err = attempt.wait(ctx, timer.C)
		r.attempts.leave(attempt)
		if err != nil {
			return r.attempts.unavailable(err)
		}
		if !r.keys.load().index.mayLack(id, alg) {
			return nil
		}
		if !late || !first { // it began after we asked, or the one before it did
			r.attempts.missing(id, attempt)
			return nil
		}
	}
}

// Snapshot implements [Live].
func (r *Remote) Snapshot() *Snapshot { return r.keys.load() }

// Ready reports whether there are keys that are not too old: whether tokens can
// be verified. See [RemoteConfig.ReadyChanged] for a health check.
func (r *Remote) Ready() bool {
	return statusOf(r.keys.load(), r.config.Clock()).Ready
}

// WaitReady returns nil once the set is ready, at once if it is. The error,
// when ctx ends or the set is closed before that, is an [UnavailableError]
// that also matches ctx's error and the one of the last fetch.
func (r *Remote) WaitReady(ctx context.Context) error {
	for {
		good := r.attempts.nextGood()
		if r.Ready() {
			return nil
		}
		select {
		case <-good:
		case <-r.done:
			return r.attempts.unavailable(nil)
		case <-ctx.Done():
			return withCause(r.attempts.unavailable(nil), ctx.Err())
		}
	}
}

// Status returns how the set is doing, for a page that operators read.
func (r *Remote) Status() Status {
	status := statusOf(r.keys.load(), r.config.Clock())
	status.Failures, status.Err = r.attempts.lately()
	status.Next = r.attempts.nextAt()
	if err := r.discoveryErr.Load(); err != nil {
		status.DiscoveryErr = *err
	}
	return status
}

// Close ends the background work, a fetch under way included, and waits for
// it. It may be called more than once; the error is always nil.
func (r *Remote) Close() error {
	r.cancel()
	<-r.done
	return nil
}

// withCause adds cause in front of what is known.
func withCause(e *UnavailableError, cause error) *UnavailableError {
	if e.Err == nil {
		return &UnavailableError{After: e.After, Err: cause}
	}
	return &UnavailableError{After: e.After, Err: fmt.Errorf("%w; last fetch: %w", cause, e.Err)}
}
