package redisfeed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation"
)

// RestoreFrom makes a writer heal a Redis that has lost entries: it publishes those
// that the function returns, such as [revocation.List.Entries] of a list that reads
// this feed, or what the identity provider's database says. A Read that notices the
// loss does so, and a Revoke that finds nothing. Without it, what was lost stays
// lost to replicas that start later. Config.Retention is required.
//
//	feed, err := redisfeed.Open(options, redisfeed.Config{Retention: retention})
//	list, err := revocation.NewList(revocation.Config{Sources: ...{Feed: feed}})
//	err = feed.RestoreFrom(list.Entries)
//
// It also lets Read announce an empty stream, which readers wait for in a new Redis.
func (f *Feed) RestoreFrom(entries func() iter.Seq[revocation.Entry]) error {
	if f.config.Retention == 0 {
		return errors.New("redisfeed: a feed that only reads can't restore: Config.Retention is missing")
	}
	f.restore.Store(&entries)
	return nil
}

// heal restores what was lost, if this is for this feed to do.
func (f *Feed) heal(ctx context.Context) error {
	if f.restore.Load() == nil {
		return nil
	}
	return f.restoreAll(ctx)
}

// found begins a stream that has no epoch, after restoring. Only one of those that
// notice at the same time does so.
func (f *Feed) found(ctx context.Context) error {
	select {
	case f.founding <- struct{}{}:
		defer func() { <-f.founding }()
	case <-ctx.Done():
		return ctx.Err()
	}
	p, err := f.page(ctx, id{}, 1)
	if err != nil || f.isOwn(p.epoch) {
		return err
	}
	return f.restoreAll(ctx)
}

// isOwn reports whether this feed began the epoch, and so has restored all then.
func (f *Feed) isOwn(epoch string) bool {
	own := f.own.Load()
	return own != nil && *own == epoch
}

// restoreSize is how many entries are restored at a time.
const restoreSize = 1000

// restoreAll publishes what there is to restore and then, so that nobody takes a part
// for all, announces the stream.
func (f *Feed) restoreAll(ctx context.Context) error {
	var items [][]byte
	for e := range f.restorable() {
		item, err := f.encode(e)
		if err != nil {
			return fmt.Errorf("redisfeed: restore: %w", err)
		}
		if items = append(items, item); len(items) == restoreSize {
			if _, err := f.add(ctx, items); err != nil {
				return err
			}
			items = nil
		}
	}
	if len(items) > 0 {
		if _, err := f.add(ctx, items); err != nil {
			return err
		}
	}
	return f.announce(ctx)
}

// restorable returns the entries to restore.
func (f *Feed) restorable() iter.Seq[revocation.Entry] {
	return func(yield func(revocation.Entry) bool) {
		entries := f.restore.Load()
		if entries == nil {
			return
		}
		for e := range (*entries)() {
			if (!e.IsForIssuer() || f.config.IssuerWide) && !yield(e) {
				return
			}
		}
	}
}

// announce gives the stream an epoch, unless it has one.
func (f *Feed) announce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	epoch := rand.Text()
	err := f.client.SetArgs(ctx, f.epoch, epoch, redis.SetArgs{Mode: "NX"}).Err()
	switch {
	case errors.Is(err, redis.Nil): // another writer was faster
		return nil
	case err != nil:
		return failed("announce", err)
	}
	f.own.Store(&epoch)
	return nil
}
