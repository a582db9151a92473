package redisfeed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation"
)

// Read implements [revocation.Feed]. A writer that notices that Redis has lost
// entries publishes what it has first; see [Feed.RestoreFrom].
func (f *Feed) Read(ctx context.Context, from string) (revocation.Batch, error) {
	at, err := parsePosition(from)
	if err != nil {
		return revocation.Batch{}, lost(err.Error())
	}
	if err := f.pace(ctx, at); err != nil {
		return revocation.Batch{}, err
	}
	batch, err := f.next(ctx, at)
	if err != nil || from == "" || !batch.UpToDate || len(batch.Entries)+len(batch.Skipped) > 0 {
		return batch, err
	}
	if woken, err := f.wait(ctx, at.id); err != nil || !woken {
		return batch, err
	}
	return f.next(ctx, at)
}

// pace lets a reader rest that has just had entries, so that more may gather.
func (f *Feed) pace(ctx context.Context, at position) error {
	if !at.fresh {
		return ctx.Err()
	}
	timer := time.NewTimer(f.config.Interval)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// next returns what comes after a position, once it is certain that the stream is
// still the one that it is a position of.
func (f *Feed) next(ctx context.Context, at position) (revocation.Batch, error) {
	p, err := f.page(ctx, at.id, pageSize)
	if err != nil {
		return revocation.Batch{}, err
	}
	if p.epoch == "" {
		return f.begin(ctx, at)
	}
	if err := f.check(ctx, at, p); err != nil {
		return revocation.Batch{}, err
	}
	return p.batch(at.id), nil
}

// pageSize is how many items come at a time: some 700 KB.
const pageSize = 5000

// page is a part of the stream, at one moment.
type page struct {
	epoch string           // "" if nobody has announced a stream
	items []redis.XMessage // beginning with the one asked for, if that is there
	more  bool
}

// page reads the item with this id, those that come after it, and the epoch, all at
// one moment. That the item is still there proves that nothing was lost behind it.
func (f *Feed) page(ctx context.Context, from id, size int) (page, error) {
	var epoch *redis.StringCmd
	var items *redis.XMessageSliceCmd
	err := f.transact(ctx, func(tx redis.Pipeliner) {
		epoch = tx.Get(ctx, f.epoch)
		items = tx.XRangeN(ctx, f.config.Key, from.String(), "+", int64(size)+1)
	})
	if err != nil {
		return page{}, failed("read", err)
	}
	p := page{epoch: epoch.Val(), items: items.Val(), more: len(items.Val()) > size}
	return p, nil
}

// begin is for a stream that nobody has announced. A writer does so; a reader can't
// tell a new Redis from one that has lost everything.
func (f *Feed) begin(ctx context.Context, at position) (revocation.Batch, error) {
	restores := f.restore.Load() != nil
	if restores {
		if err := f.found(ctx); err != nil {
			return revocation.Batch{}, err
		}
	}
	switch {
	case at.epoch != "":
		return revocation.Batch{}, lost("the epoch is gone")
	case !restores:
		return revocation.Batch{}, ErrNoWriter
	}
	p, err := f.page(ctx, id{}, pageSize)
	if err == nil && p.epoch == "" { // again
		err = ErrNoWriter
	}
	if err != nil {
		return revocation.Batch{}, err
	}
	return p.batch(id{}), nil
}

// ErrNoWriter says that no writer has been at this Redis: it is new, or has lost
// everything. Entries that a reader has stay, but one that begins can't know what was
// revoked. The first [Feed.Revoke] ends that, and so does reading a feed with
// [Feed.RestoreFrom].
var ErrNoWriter = errors.New("redisfeed: no writer has been at this Redis, or it has lost everything")

func lost(why string) error { return fmt.Errorf("redisfeed: %w: %s", revocation.ErrPositionLost, why) }

// batch returns what a page holds after an id.
func (p page) batch(after id) revocation.Batch {
	batch := revocation.Batch{UpToDate: !p.more}
	at := position{id: after, epoch: p.epoch}
	for _, item := range p.items {
		i, err := parseID(item.ID)
		if err != nil || !after.before(i) {
			continue // the one that the reader has had
		}
		at.id, at.fresh = i, !p.more
		if e, err := decode(item); err != nil {
			batch.Skipped = append(batch.Skipped, fmt.Errorf("item %s: %w", item.ID, err))
		} else {
			batch.Entries = append(batch.Entries, e)
		}
	}
	batch.Position = at.String()
	return batch
}
