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

// Revoke implements [revocation.Writer]: the entries are in the stream, all or none,
// when it returns nil. How safe they are there is a matter of how Redis keeps them.
// Without a deadline of its own it takes a few seconds at most, unless Redis has lost
// its entries and they are to be restored.
//
// Besides entries that can match nothing, it refuses those for everything of an issuer
// without Config.IssuerWide, and everything without Config.Retention.
func (f *Feed) Revoke(ctx context.Context, entries ...revocation.Entry) error {
	if f.config.Retention == 0 {
		return errors.New("redisfeed: this feed only reads: Config.Retention is missing")
	}
	items, err := f.encodeAll(entries)
	if err != nil || len(items) == 0 {
		return err
	}
	if f.newest.Load() == 0 { // to know what to trim
		if _, err := f.bounds(ctx); err != nil {
			return err
		}
	}
	announced, err := f.add(ctx, items)
	if err != nil || announced {
		return err
	}
	return f.restoreAll(ctx)
}

func (f *Feed) encodeAll(entries []revocation.Entry) ([][]byte, error) {
	items := make([][]byte, 0, len(entries))
	for _, e := range entries {
		if e.IsForIssuer() && !f.config.IssuerWide {
			return nil, errors.New("redisfeed: everything of an issuer: Config.IssuerWide does not allow that")
		}
		item, err := f.encode(e)
		if err != nil {
			return nil, fmt.Errorf("redisfeed: %w", err)
		}
		items = append(items, item)
	}
	return items, nil
}

// add adds items to the stream, all or none, and trims it. It reports whether the
// stream has been announced.
func (f *Feed) add(ctx context.Context, items [][]byte) (announced bool, err error) {
	var epoch, last *redis.StringCmd
	err = f.transact(ctx, func(tx redis.Pipeliner) {
		for i, item := range items {
			last = tx.XAdd(ctx, f.addition(item, i == 0))
		}
		epoch = tx.Get(ctx, f.epoch)
	})
	if err != nil {
		return false, failed("revoke", err)
	}
	f.saw(last.Val())
	return epoch.Val() != "", nil
}

// addition returns what adds an item, and maybe trims the stream: Redis removes what
// is due in blocks of many items.
func (f *Feed) addition(item []byte, trim bool) *redis.XAddArgs {
	args := &redis.XAddArgs{Stream: f.config.Key, ID: "*", Values: []any{field, item}}
	if cutoff := f.cutoff(f.newest.Load()); trim && cutoff > 0 {
		args.MinID, args.Approx = id{ms: cutoff}.String(), true
	}
	return args
}

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
