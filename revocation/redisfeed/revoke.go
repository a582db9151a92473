package redisfeed

import (
	"context"
	"errors"
	"fmt"

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
	return f.found(ctx)
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
	if i, err := parseID(last.Val()); err == nil {
		f.saw(i)
	}
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
