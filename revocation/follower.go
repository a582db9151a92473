package revocation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

// How a source is read.
const (
	minPause    = 100 * time.Millisecond // after a failure, at most; doubled after each more
	maxPause    = 5 * time.Second
	idlePause   = 10 * time.Millisecond // after an empty batch, if the feed didn't wait
	readTimeout = 30 * time.Second      // far more than a feed may wait
	lossesApart = time.Minute           // of positions, that have nothing to do with each other
)

// follower reads one source into a list. It belongs to one goroutine.
type follower struct {
	list     *List
	source   Source
	health   *sourceHealth
	logger   *slog.Logger
	position string
	looked   time.Time // at the clock, when it was read last
	skipping bool      // whether it has been logged that entries are skipped
	lost     time.Time // when a position was lost last
	losses   int       // of positions, each soon after the one before
}

func newFollower(l *List, source Source, health *sourceHealth) *follower {
	return &follower{list: l, source: source, health: health, logger: l.config.Logger.With("source", source.Name)}
}

// run reads until ctx ends.
func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, f.step(ctx))
	}
}

// step reads once, and returns how long to wait before the next time.
func (f *follower) step(ctx context.Context) time.Duration {
	began := f.list.config.Clock()
	if f.clockWasWrong(began) {
		f.logger.WarnContext(ctx, "revocation: begins again: the clock was set")
		f.position = ""
	}
	f.looked = began
	batch, err := f.read(ctx)
	switch {
	case ctx.Err() != nil:
		return 0
	case errors.Is(err, ErrPositionLost) && f.position != "":
		return f.beginAgain(ctx, began, err)
	case err != nil:
		return f.failed(ctx, began, err)
	}
	waited := f.list.config.Clock().After(began)
	f.take(ctx, began, batch)
	if len(batch.Entries) == 0 && !waited {
		return idlePause
	}
	return 0
}

// clockWasWrong reports whether the clock was set since it was looked at: back, or
// ahead of the time that has passed. While it was wrong, entries may have been
// forgotten, or taken for useless.
func (f *follower) clockWasWrong(now time.Time) bool {
	if f.looked.IsZero() {
		return false
	}
	shown := now.Round(0).Sub(f.looked.Round(0)) // without Round, the time that has passed
	return shown < -f.list.config.Leeway || shown-now.Sub(f.looked) > f.list.config.Leeway
}

// beginAgain goes back to the beginning, and returns how long to wait before. A feed
// that loses one position after another would be read in full without end.
func (f *follower) beginAgain(ctx context.Context, now time.Time, err error) time.Duration {
	f.logger.WarnContext(ctx, "revocation: begins again: the feed can't go on", slog.Any("error", err))
	f.position = ""
	if now.Sub(f.lost) > lossesApart {
		f.losses = 0
	}
	f.lost = now
	if f.losses++; f.losses == 1 {
		return 0
	}
	return backoff(f.losses)
}

// read reads one batch. A feed that hangs has failed.
func (f *follower) read(ctx context.Context) (Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	batch, err := f.source.Feed.Read(ctx, f.position)
	switch {
	case err != nil && ctx.Err() != nil: // not the context's own error, which says nothing here
		return Batch{}, fmt.Errorf("no answer within %v", readTimeout)
	case err == nil && batch.UpToDate && batch.Position == "":
		return Batch{}, errors.New("the feed doesn't say where it is")
	}
	return batch, err
}

// take adds what was read, before the source counts as up to date.
func (f *follower) take(ctx context.Context, began time.Time, batch Batch) {
	skipped := batch.Skipped
	for _, e := range batch.Entries {
		if err := f.mayAdd(e); err != nil {
			skipped = append(skipped, fmt.Errorf("%w: %s", err, e))
			continue
		}
		f.list.add(e)
	}
	f.position = batch.Position
	failures := f.health.went()
	if batch.UpToDate {
		if f.health.confirmed.Swap(&began) == nil || failures > 0 {
			f.logger.InfoContext(ctx, "revocation: up to date", slog.Int("entries", f.list.Status().Entries))
		}
		f.list.health.tell()
	}
	f.tellSkipped(ctx, skipped)
	f.observe(ctx, Reception{Entries: len(batch.Entries), Skipped: skipped, UpToDate: batch.UpToDate, Duration: f.since(began)})
}

// mayAdd reports an entry that this source may not bring, or that matches nothing.
func (f *follower) mayAdd(e Entry) error {
	if e.IsForIssuer() && !f.source.IssuerWide {
		return errNotAuthorised
	}
	return e.Check()
}

var errNotAuthorised = errors.New("the source may not revoke everything of an issuer (Source.IssuerWide)")

// tellSkipped logs the first of what was skipped in a row.
func (f *follower) tellSkipped(ctx context.Context, skipped []error) {
	if len(skipped) > 0 && !f.skipping {
		f.logger.ErrorContext(ctx, "revocation: skipped what can't be revoked", slog.Any("error", skipped[0]), slog.Int("skipped", len(skipped)))
	}
	f.skipping = len(skipped) > 0
}

// failed notes a failure, and returns how long to wait.
func (f *follower) failed(ctx context.Context, began time.Time, err error) time.Duration {
	failures := f.health.failed(err)
	wait := backoff(failures)
	if failures == 1 {
		f.logger.WarnContext(ctx, "revocation: can't be read, the list stays as it is", slog.Any("error", err))
	}
	f.list.health.tell()
	f.observe(ctx, Reception{Err: err, Duration: f.since(began)})
	return wait
}

func (f *follower) since(began time.Time) time.Duration { return f.list.config.Clock().Sub(began) }

// observe tells the observer.
func (f *follower) observe(ctx context.Context, r Reception) {
	if f.list.config.Observer != nil {
		r.Source, r.Status = f.source.Name, f.list.Status()
		f.list.config.Observer.Received(ctx, r)
	}
}

// backoff returns a time that grows with the failures in a row, and differs between
// the replicas of a fleet.
func backoff(failures int) time.Duration {
	most := min(maxPause, minPause<<min(failures, 10))
	return rand.N(most) + time.Millisecond //nolint:gosec // nobody gains by guessing it
}

// pause waits, no longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
