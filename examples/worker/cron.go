package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

// cron does the same work again and again, for nobody: what it calls through a
// relay that has an Otherwise, it calls as the service itself.
type cron struct {
	every  time.Duration
	limit  time.Duration // of each time
	do     func(ctx context.Context) error
	logger *slog.Logger
}

// run does the work now, and then every so often, until ctx ends. A time that
// fails is logged; the next one is the retry.
func (c *cron) run(ctx context.Context) {
	ticker := time.NewTicker(c.every)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if err := c.once(ctx); err != nil && ctx.Err() == nil {
			c.logger.WarnContext(ctx, "cron job failed", "cause", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// errSomebodys refuses a context that is not the service's own.
var errSomebodys = errors.New("the context is that of somebody's call: give the cron job the program's own")

// once does the work once. In the context of a call, it would be done as the
// caller: a user who presses "run it now" is one for the desk.
func (c *cron) once(ctx context.Context) error {
	if _, decided := token.Decided(ctx); decided {
		return errSomebodys
	}
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	return c.do(ctx)
}
