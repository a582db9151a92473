package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// The reasons of this program's own, beside those of the library.
const (
	reasonSeal     = "SEAL_BROKEN"     // the job's token does not open
	reasonStopping = "WORKER_STOPPING" // the job was given back
)

// NeedsUser reports whether the job is dead because the user's token is: it
// can be asked for again, by its owner, with a new one.
func (o Outcome) NeedsUser() bool {
	reason := token.Reason(o.Reason)
	return o.Fate == Dead && (reason == token.ReasonExpired || reason == token.ReasonRevoked)
}

// outcomeOf returns what becomes of a job after the given attempt to do it,
// which ended with err. An outage is nobody's verdict: the job waits. It needs
// no limit of attempts, for the token has one: an outage that is longer than
// the token's life makes it TOKEN_EXPIRED.
func outcomeOf(err error, attempt int, pauses backoff) Outcome {
	if err == nil {
		return Outcome{Fate: Done}
	}
	refusal := refusalOf(err)
	outcome := Outcome{Fate: Dead, Reason: string(refusal.Reason), Hop: refusal.Hop}
	if refusal.Code == codes.Unavailable || refusal.Code == codes.DeadlineExceeded {
		outcome.Fate, outcome.After = Later, max(pauses.pause(attempt), refusal.RetryAfter)
	}
	return outcome
}

// refusalOf tells of any error what [interceptor.RefusalFrom] tells of refusals.
// The outage of a service is a status without a reason: its code then stands for
// one.
func refusalOf(err error) interceptor.Refusal {
	if refusal, ok := interceptor.RefusalFrom(err); ok {
		return refusal
	}
	if errors.Is(err, errSeal) {
		return interceptor.Refusal{Reason: reasonSeal}
	}
	code := status.Code(err)
	if errors.Is(err, context.DeadlineExceeded) {
		code = codes.DeadlineExceeded
	}
	return interceptor.Refusal{Reason: token.Reason(code.String()), Code: code}
}

// backoff doubles the pauses of a job that waits for an outage to end.
type backoff struct{ min, max time.Duration }

// pause returns the time to wait after the given attempt, the first being 1. A
// random part, up to a half, is taken off: jobs that failed together should
// not come back together.
func (b backoff) pause(attempt int) time.Duration {
	wait := b.min
	for i := 1; i < attempt && wait < b.max; i++ {
		wait *= 2
	}
	wait = min(wait, b.max)
	return wait - rand.N(wait/2+1) //nolint:gosec // spreads load, and guards nothing
}
