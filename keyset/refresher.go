package keyset

import (
	"context"
	"log/slog"
	"time"
)

// refresher keeps a [Remote] up to date. Everything in it belongs to its one
// goroutine.
type refresher struct {
	set     *Remote
	source  *source
	file    snapshotFile
	backoff backoff
	ready   bool        // as it was told last
	stale   *time.Timer // fires when the keys get too old
}

func newRefresher(set *Remote, from *source) *refresher {
	return &refresher{
		set: set, source: from,
		file:    snapshotFile{path: set.config.SnapshotFile, identity: from.identity(), logger: from.logger},
		backoff: backoff{min: set.config.MinBackoff, max: set.config.MaxBackoff},
	}
}

// tellFirst says whether the set is ready before its constructor returns.
func (r *refresher) tellFirst() {
	r.ready = r.set.Ready()
	if r.set.config.ReadyChanged != nil {
		r.set.config.ReadyChanged(r.ready)
	}
}

// recall starts with the keys on disk, if there are some and they are not too
// old. It returns the time to wait before the first fetch.
func (r *refresher) recall(ctx context.Context) time.Duration {
	config, now := r.set.config, r.set.config.Clock()
	jwks, fetched, ok := r.file.load(ctx, config.MaxBody, now)
	if !ok {
		return 0
	}
	age := max(now.Sub(fetched), 0)
	if age >= config.MaxStale {
		r.source.logger.WarnContext(ctx, "keyset: snapshot file ignored", "error", tooOld(config.MaxStale, nil))
		return 0
	}
	keys, skipped, err := parseJWKS(jwks, r.source.rules)
	if err != nil {
		r.source.logger.WarnContext(ctx, "keyset: snapshot file ignored", "error", err)
		return 0
	}
	r.source.logger.InfoContext(ctx, "keyset: started with the snapshot file", slog.Duration("age", age))
	r.set.keys.publish(ctx, keys, skipped, now.Add(-age))
	wait := max(ahead(config.RefreshInterval)-age, 0)
	r.set.attempts.plan(wait)
	return wait
}

// run fetches after wait, when it is time, and when it is asked to, until ctx
// ends.
func (r *refresher) run(ctx context.Context, wait time.Duration) {
	defer close(r.set.done)
	defer r.source.dropConnections()
	defer r.set.attempts.close()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	r.stale = time.NewTimer(r.set.config.MaxStale)
	defer r.stale.Stop()
	r.tellReady(ctx)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-r.stale.C:
			r.tellReady(ctx)
		case <-r.set.changed:
			r.tellReady(ctx)
		case <-r.set.attempts.asked:
			timer.Reset(r.refresh(ctx))
		case <-timer.C:
			timer.Reset(r.refresh(ctx))
		}
	}
}

// refresh fetches once and returns the time to wait before the next time.
func (r *refresher) refresh(ctx context.Context) (wait time.Duration) {
	began := r.set.config.Clock()
	asked := r.set.attempts.begin()
	fetched, err := r.source.fetch(ctx, asked)
	if ctx.Err() != nil {
		return 0 // closed: nothing failed
	}
	took, changed := r.set.config.Clock().Sub(began), false
	if err != nil {
		wait = r.fail(ctx, err)
	} else {
		changed, wait = r.succeed(ctx, fetched)
	}
	r.tellReady(ctx)
	r.tell(ctx, Refresh{Err: err, Changed: changed, Duration: took})
	if err == nil { // last, as a disk may be slow
		r.file.save(ctx, fetched.content, r.set.config.Clock(), r.set.config.MinRefreshInterval)
	}
	return wait
}

func (r *refresher) fail(ctx context.Context, err error) time.Duration {
	failures, _ := r.set.attempts.lately()
	failures++
	wait := max(r.backoff.after(failures), r.set.config.patience(err))
	message := "keyset: fetch failed, the last good keys stay"
	switch snapshot := r.set.keys.load(); {
	case snapshot == nil:
		message = "keyset: fetch failed, there are no keys yet"
	case snapshot.staleAt(r.set.config.Clock()):
		message = "keyset: fetch failed, the last good keys are too old"
	}
	r.source.logger.WarnContext(ctx, message,
		slog.Any("error", err), slog.Duration("retry_in", wait), slog.Int("failures", failures))
	r.set.attempts.end(err, wait)
	return wait
}

func (r *refresher) succeed(ctx context.Context, fetched fetchedKeys) (changed bool, wait time.Duration) {
	config, now := r.set.config, r.set.config.Clock()
	if failures, _ := r.set.attempts.lately(); failures > 0 {
		r.source.logger.InfoContext(ctx, "keyset: fetch succeeded again", slog.Int("failures", failures))
	}
	if fetched.unchanged {
		r.set.keys.confirm(ctx, now)
	} else {
		changed = r.set.keys.publish(ctx, fetched.keys, fetched.skipped, now)
	}
	wait = ahead(within(fetched.lifetime, config.MinRefreshInterval, config.RefreshInterval))
	r.set.attempts.end(nil, wait)
	return changed, wait
}

// tellReady says whether the set is ready, if that changed, and sees to it that
// the time at which it won't be isn't missed.
func (r *refresher) tellReady(ctx context.Context) {
	ready := r.set.Ready()
	if ready {
		r.stale.Reset(r.set.keys.load().validUntil.Sub(r.set.config.Clock()))
	}
	if ready == r.ready {
		return
	}
	r.ready = ready
	if !ready {
		message := "keyset: all keys are distrusted, no token can be verified"
		if r.set.keys.load().staleAt(r.set.config.Clock()) {
			message = "keyset: the last good keys are too old, no token can be verified"
		}
		r.source.logger.ErrorContext(ctx, message, slog.Duration("max_stale", r.set.config.MaxStale))
	}
	if r.set.config.ReadyChanged != nil {
		r.set.config.ReadyChanged(ready)
	}
}

// tell completes what happened, for the observer.
func (r *refresher) tell(ctx context.Context, happened Refresh) {
	if observer := r.set.config.Observer; observer != nil {
		happened.Source, happened.Status = r.set.observed.name, r.set.Status()
		observer.Refreshed(ctx, happened)
	}
}
