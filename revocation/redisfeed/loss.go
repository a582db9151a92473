package redisfeed

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// check returns [revocation.ErrPositionLost] if a page is no continuation of what a
// reader has had. Then entries may have been lost for everybody, so a writer publishes
// its own again before it begins again itself.
func (f *Feed) check(ctx context.Context, at position, p page) error {
	why, err := f.loss(ctx, at, p)
	if err != nil || why == "" {
		return err
	}
	if at.epoch != p.epoch && f.isOwn(p.epoch) {
		return lost(why) // all was restored before
	}
	if err := f.heal(ctx); err != nil {
		return err
	}
	return lost(why)
}

// loss returns why the page is no continuation, or "".
func (f *Feed) loss(ctx context.Context, at position, p page) (string, error) {
	switch {
	case at.epoch == "":
		return "", nil
	case at.epoch != p.epoch:
		return "the epoch has changed", nil
	case at.id == id{} || (len(p.items) > 0 && p.items[0].ID == at.id.String()):
		return "", nil
	}
	s, err := f.bounds(ctx)
	switch {
	case err != nil:
		return "", err
	case s.last.before(at.id):
		return fmt.Sprintf("the stream ends at %s, before %s", s.last, at.id), nil
	case s.deleted == at.id, f.outlived(at.id, s.last): // by who undoes a mistake; by the retention
		return "", nil
	default:
		return fmt.Sprintf("item %s is gone", at.id), nil
	}
}

// bounds are those of a stream.
type bounds struct {
	last    id // that was given
	deleted id // the last that XDEL has removed; Redis says so since 7.0
}

// bounds asks Redis. A stream that does not exist has none.
func (f *Feed) bounds(ctx context.Context) (bounds, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	info, err := f.client.XInfoStream(ctx, f.config.Key).Result()
	switch {
	case redis.HasErrorPrefix(err, "no such key"):
		return bounds{}, nil
	case err != nil:
		return bounds{}, failed("inspect the stream", err)
	}
	last, err := parseID(info.LastGeneratedID)
	if err != nil {
		return bounds{}, failed("inspect the stream", err)
	}
	f.saw(last)
	if info.MaxDeletedEntryID == "" {
		return bounds{last: last}, nil
	}
	deleted, err := parseID(info.MaxDeletedEntryID)
	if err != nil {
		return bounds{}, failed("inspect the stream", err)
	}
	return bounds{last, deleted}, nil
}

// outlived reports whether an item is older than what writers trim. All that came
// after it and is gone may be forgotten, too.
func (f *Feed) outlived(i, last id) bool {
	return f.config.Retention > 0 && i.ms < f.cutoff(last.ms)
}

// cutoff returns the millisecond before which items may be trimmed, when the latest
// item is of the given one: Redis's time, or this process's if that is earlier, so
// that one clock that runs ahead doesn't make everybody forget.
func (f *Feed) cutoff(latest uint64) uint64 {
	now := min(int64(latest), f.config.Clock().UnixMilli()) //nolint:gosec // Redis's time fits for long
	return uint64(max(now-f.config.Retention.Milliseconds(), 0))
}

// saw notes the time of an item, so that it is known how late it is in Redis.
func (f *Feed) saw(i id) {
	for newest := f.newest.Load(); newest < i.ms; newest = f.newest.Load() {
		f.newest.CompareAndSwap(newest, i.ms)
	}
}
