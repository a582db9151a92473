package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

// settleLimit bounds how long a stopping worker still settles its job.
const settleLimit = 5 * time.Second

// consumer does the jobs of a queue, each as the user who asked for it.
type consumer struct {
	queue    Queue
	sealer   *sealer
	verifier *token.Verifier
	limit    time.Duration // of one attempt: well below the lease, or others do the job too
	pauses   backoff
	logger   *slog.Logger

	// do is the work. What it calls with ctx, through a relay, it calls as the
	// user. It may be done twice, see Queue: let the called service look at the
	// job's id.
	do func(ctx context.Context, job Job) error
}

// run does jobs, one after the other, until ctx ends. Any number of goroutines
// may call it.
func (c *consumer) run(ctx context.Context) {
	for failed := 0; ctx.Err() == nil; {
		lease, err := c.queue.Lease(ctx)
		if err != nil {
			failed++
			c.await(ctx, err, failed)
			continue
		}
		failed = 0
		c.settle(ctx, lease, c.attempt(ctx, lease))
	}
}

// attempt does a job, and says what becomes of it. That the worker is stopping
// is no verdict on the job: the next one does it.
func (c *consumer) attempt(ctx context.Context, lease Lease) Outcome {
	err := c.work(ctx, lease.Job)
	if err != nil && ctx.Err() != nil {
		return Outcome{Fate: Later, Reason: reasonStopping}
	}
	return outcomeOf(err, lease.Attempt, c.pauses)
}

// work does a job as its user, for as long as the user's token is valid. It was
// when the job was queued; since then it may have ended, its key may have been
// withdrawn, or the user may have logged out. So it is verified now.
func (c *consumer) work(ctx context.Context, job Job) error {
	// From the first line on this is a user's call, if nobody's yet. Then no
	// mistake below can make it one of the service itself: see Otherwise.
	ctx, cancel := context.WithTimeout(token.NewContext(ctx, nil), c.limit)
	defer cancel()

	raw, err := c.sealer.open(job)
	if err != nil {
		return err
	}
	caller, err := c.verifier.Verify(ctx, raw)
	if err != nil {
		return err
	}
	ended := token.NewError(token.ReasonExpired, nil)
	ctx, cancel = context.WithDeadlineCause(token.NewContext(ctx, caller), caller.ValidUntil(), ended)
	defer cancel()
	if err := c.do(ctx, job); err != nil {
		return errors.Join(context.Cause(ctx), err) // why it ended comes first, if it did
	}
	return nil
}

// settle tells the queue, also if the worker is stopping: what is done should
// not be done again. If that fails the lease ends, and the job comes back.
func (c *consumer) settle(ctx context.Context, lease Lease, outcome Outcome) {
	logger := c.logger.With("job", lease.Job.ID, "owner", lease.Job.Owner.String(), "attempt", lease.Attempt)
	logger.InfoContext(ctx, "job "+string(outcome.Fate), "reason", outcome.Reason, "hop", outcome.Hop, "after", outcome.After)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
	defer cancel()
	if err := c.queue.Settle(ctx, lease, outcome); err != nil {
		logger.WarnContext(ctx, "job not settled", "cause", err)
	}
}

// await waits before the queue is asked again, which has failed that often.
func (c *consumer) await(ctx context.Context, err error, failed int) {
	if ctx.Err() != nil {
		return
	}
	c.logger.WarnContext(ctx, "no job to be had", "cause", err)
	timer := time.NewTimer(c.pauses.pause(failed))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
