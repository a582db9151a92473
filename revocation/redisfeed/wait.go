package redisfeed

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// blockTime is how long Redis is asked to wait for an item.
const blockTime = time.Second

// wait waits until there is an item after the id, for which it returns true, or
// blockTime has passed. What woke it is read again by [Feed.next], with the proof that
// nothing is missing. When ctx ends it returns at once, and leaves the answer to
// [Feed.Close].
func (f *Feed) wait(ctx context.Context, after id) (woken bool, err error) {
	answer := make(chan error, 1)
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	if !f.start(func() { defer cancel(); answer <- f.block(own, after) }) {
		cancel()
		return false, failed("wait", redis.ErrClosed)
	}
	select {
	case err = <-answer:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if err == nil || errors.Is(err, redis.Nil) {
		return err == nil, nil
	}
	return false, failed("wait", err)
}

// block returns nil if there is an item, and redis.Nil if there is none.
func (f *Feed) block(ctx context.Context, after id) error {
	return f.client.XRead(ctx, &redis.XReadArgs{
		Streams: []string{f.config.Key, after.String()}, Count: 1, Block: blockTime,
	}).Err()
}

// start runs what Close has to wait for, unless the feed is closed.
func (f *Feed) start(run func()) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.waiting.Go(run)
	return true
}
