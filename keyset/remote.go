package keyset

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Remote is a [Set] of the keys that a URL serves, which it keeps up to date
// until [Remote.Close].
//
// Keys that came once stay until a later fetch replaces all of them: one that
// fails, serves no JWK Set or no usable key changes nothing, and is tried again
// with growing pauses.
type Remote struct {
	config   RemoteConfig
	fetcher  fetcher
	keys     published
	attempts *attempts

	ready     chan struct{} // closed when the first keys are there
	done      chan struct{} // closed when run returns
	cancel    context.CancelFunc
	closeIdle func()

	backoff backoff // run's own
}

// Fetch returns the set of the keys that url serves as a JWK Set (RFC 7517
// section 5). It returns at once and fetches in the background, now and then
// again and again: until the first keys are there, the set answers
// [ErrUnavailable]. Secrets (kty "oct") are left out.
//
// Only a configuration mistake is an error: a URL that is not https (http is
// for loopback), has no host or has user info; a RedirectHosts that is not a
// host; an RSAAlgorithm that is not for RSA; a negative number. Call Close on
// the set when done with it.
func Fetch(url string, config RemoteConfig) (*Remote, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	endpoint, err := newEndpoint(url, config)
	if err != nil {
		return nil, fmt.Errorf("keyset: key URL: %w", err)
	}
	r := newRemote(endpoint, config)
	if err := r.fetcher.rules.check(); err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go r.run(ctx)
	return r, nil
}

func newRemote(endpoint *endpoint, config RemoteConfig) *Remote {
	client, closeIdle := newClient(config.Client, endpoint)
	return &Remote{
		config: config,
		fetcher: fetcher{
			client: client, endpoint: endpoint, timeout: config.Timeout, maxBody: config.MaxBody,
			rules: jwkRules{rsaAlgorithm: config.RSAAlgorithm},
		},
		keys:      published{logger: loggerFor(config.Logger, "url", endpoint.String())},
		attempts:  newAttempts(config),
		ready:     make(chan struct{}),
		done:      make(chan struct{}),
		closeIdle: closeIdle,
		backoff:   backoff{min: config.MinBackoff, max: config.MaxBackoff},
	}
}

// Key implements [Set]. It waits only for an id that the set lacks, and only
// if the budget of [RemoteConfig] allows a fetch or one is under way: at most
// UnknownWait, and no longer than ctx.
//
// An id that is still not there is [ErrUnknownKey] (or [ErrWrongAlgorithm]) if
// a fetch succeeded just now, within one UnknownInterval, and else an
// [UnavailableError]. A token without an id never causes a fetch, nor does an
// algorithm that no key here can be for.
//
// After [Remote.Close] it goes on answering from the last keys; an id that they
// lack is [ErrUnavailable].
func (r *Remote) Key(ctx context.Context, id string, alg Algorithm) (*Key, error) {
	keys := r.keys.load()
	if keys == nil {
		return nil, r.attempts.notReady()
	}
	key, err := keys.key(id, alg)
	if err == nil || !keys.mayLack(id, alg) {
		return key, err
	}
	if err := r.learn(ctx); err != nil {
		return nil, err
	}
	return r.keys.load().key(id, alg)
}

// WaitReady returns nil once keys are there, at once if they are. The error,
// when ctx ends or the set is closed before that, is an [UnavailableError]
// that also matches ctx's error and the one of the last fetch.
func (r *Remote) WaitReady(ctx context.Context) error {
	if r.keys.load() != nil {
		return nil
	}
	select {
	case <-r.ready:
		return nil
	case <-r.done:
		return r.attempts.notReady()
	case <-ctx.Done():
		return withCause(r.attempts.notReady(), ctx.Err())
	}
}

// Close ends the background work, a fetch under way included, and waits for
// it. It may be called more than once; the error is always nil.
func (r *Remote) Close() error {
	r.cancel()
	<-r.done
	return nil
}

// learn returns nil when the set is as fresh as an answer "unknown" must be,
// and otherwise an [UnavailableError].
func (r *Remote) learn(ctx context.Context) error {
	attempt, err := r.attempts.join()
	if attempt == nil {
		return err
	}
	timer := time.NewTimer(r.config.UnknownWait)
	defer timer.Stop()
	select {
	case <-attempt.done:
		err = attempt.err
	case <-timer.C:
		err = errSlow
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return r.attempts.failed(err)
	}
	return nil
}

// run fetches now, when it is time, and when it is asked to, until ctx ends.
func (r *Remote) run(ctx context.Context) {
	defer close(r.done)
	defer r.closeIdle()
	defer r.attempts.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-r.attempts.asked:
			timer.Reset(r.refresh(ctx))
		case <-timer.C:
			timer.Reset(r.refresh(ctx))
		}
	}
}

// refresh fetches once and returns the time to wait before the next time.
func (r *Remote) refresh(ctx context.Context) time.Duration {
	r.attempts.begin()
	keys, skipped, err := r.fetcher.fetch(ctx)
	if ctx.Err() != nil {
		return 0 // closed: nothing failed
	}
	if err != nil {
		return r.fail(ctx, err)
	}
	r.keys.publish(ctx, keys, skipped)
	return r.succeed(ctx)
}

func (r *Remote) fail(ctx context.Context, err error) time.Duration {
	wait := r.backoff.next()
	message := "keyset: fetch failed, the last good keys stay"
	if r.keys.load() == nil {
		message = "keyset: fetch failed, there are no keys yet"
	}
	r.keys.logger.WarnContext(ctx, message,
		slog.Any("error", err), slog.Duration("retry_in", wait), slog.Int("failures", r.backoff.failures))
	r.attempts.end(err, wait)
	return wait
}

func (r *Remote) succeed(ctx context.Context) time.Duration {
	if r.backoff.failures > 0 {
		r.keys.logger.InfoContext(ctx, "keyset: fetch succeeded again", slog.Int("failures", r.backoff.failures))
		r.backoff.failures = 0
	}
	select {
	case <-r.ready:
	default:
		close(r.ready)
	}
	wait := shorter(r.config.RefreshInterval, r.config.RefreshInterval/5)
	r.attempts.end(nil, wait)
	return wait
}

// withCause adds cause in front of what is known.
func withCause(e *UnavailableError, cause error) *UnavailableError {
	if e.Err == nil {
		return &UnavailableError{After: e.After, Err: cause}
	}
	return &UnavailableError{After: e.After, Err: fmt.Errorf("%w; last fetch: %w", cause, e.Err)}
}
