package keyset

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Why a set can't tell, besides a fetch that failed.
var (
	errClosed  = errors.New("the set is closed")
	errSlow    = errors.New("the fetch takes longer than UnknownWait")
	errCrowded = errors.New("too many wait for the fetch already")
	errSpent   = errors.New("the budget of fetches for unknown ids is spent")
)

// maxWaiters bounds how many wait for one fetch. What a rotation brings is far
// less; more would be kept waiting by an issuer that hangs.
const maxWaiters = 1024

// attempt is one fetch, that some may wait for.
type attempt struct {
	done    chan struct{} // closed when it ended
	err     error         // how; not to be read before
	asked   bool          // for an id that the set lacks
	began   time.Time     // zero if it has not; guarded by the attempts' lock
	waiters int           // who is waiting now; guarded by the attempts' lock
}

// wait returns how the attempt ended, or why there is no waiting for that.
func (a *attempt) wait(ctx context.Context, tooLong <-chan time.Time) error {
	select {
	case <-a.done:
		return a.err
	case <-tooLong:
		return errSlow
	case <-ctx.Done():
		return ctx.Err()
	}
}

// attempts decides who may cause a fetch, and remembers how the last one went.
// It may be used concurrently.
type attempts struct {
	clock func() time.Time
	soon  time.Duration // to ask again after, while a fetch is under way
	asked chan struct{} // has a value when join wants a fetch

	mu       sync.Mutex
	budget   budget
	absent   absent
	current  *attempt      // asked for or under way; nil if none is
	last     error         // of the last one that ended; nil if it went well
	failures int           // in a row
	lastGood time.Time     // when the last one that went well began
	next     time.Time     // when the set fetches by itself
	good     chan struct{} // closed, and replaced, when an attempt goes well
	closed   bool
}

func newAttempts(config RemoteConfig) *attempts {
	now := config.Clock()
	return &attempts{
		clock: config.Clock, soon: config.MinBackoff, asked: make(chan struct{}, 1),
		budget: newBudget(config.UnknownBurst, config.UnknownInterval, now),
		absent: newAbsent(config.UnknownInterval), next: now, good: make(chan struct{}),
	}
}

// join returns the fetch to wait for, to learn whether the issuer has id: the
// one under way, or a new one if the budget has it. late is true if it has begun
// already, so that it may miss what the issuer did since. With neither, the
// attempt is nil, and so is the error if the set is fresh enough to be believed:
// the id was looked for a moment ago, or the last fetch is no older than an
// interval, as it is when the budget is empty, unless retries have spent it.
//
// After a fetch that failed only the set's own retries go on, so that ids can't
// drive an issuer that is in trouble.
func (a *attempts) join(id string) (current *attempt, late bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock()
	switch {
	case a.closed:
		return nil, false, &UnavailableError{Err: errClosed}
	case a.last == nil && a.absent.has(id, now):
		return nil, false, nil
	case a.current != nil:
		return a.admit()
	case a.last != nil:
		return nil, false, &UnavailableError{After: a.untilNext(now), Err: a.last}
	case a.budget.take(now):
		a.current = &attempt{done: make(chan struct{}), asked: true}
		select {
		case a.asked <- struct{}{}:
		default: // can't be, as begin empties it; to wait would be to hold the lock
		}
		return a.admit()
	case now.Sub(a.lastGood) < a.budget.interval:
		return nil, false, nil
	default:
		return nil, false, &UnavailableError{After: a.budget.untilNext(now), Err: errSpent}
	}
}

// admit returns the current attempt, if one more may wait for it.
func (a *attempts) admit() (current *attempt, late bool, err error) {
	if a.current.waiters == maxWaiters {
		return nil, false, &UnavailableError{After: a.soon, Err: errCrowded}
	}
	a.current.waiters++
	return a.current, !a.current.began.IsZero(), nil
}

// leave is called when whoever joined an attempt does not wait any more.
func (a *attempts) leave(attempt *attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	attempt.waiters--
}

// everMissing reports whether the issuer is known not to have had id, lately.
func (a *attempts) everMissing(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.absent.of(id).attempt != nil
}

// ask makes the set look for id, and waits for nothing. Until it has looked, id is
// missing.
func (a *attempts) ask(id string) {
	if attempt, _, _ := a.join(id); attempt != nil {
		a.leave(attempt)
		a.missing(id, attempt)
	}
}

// missing notes that attempt went well and did not bring id.
func (a *attempts) missing(id string, attempt *attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.absent.add(id, attempt, a.clock())
}

// begin is called by the one who fetches, before it does. It reports whether
// join asked for the attempt.
func (a *attempts) begin() (asked bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current == nil {
		a.current = &attempt{done: make(chan struct{})}
		if a.last != nil { // an issuer that fails every other time must not cost twice the budget
			a.budget.owe(a.clock())
		}
	}
	select {
	case <-a.asked: // this is it
	default:
	}
	a.current.began = a.clock()
	return a.current.asked
}

// end is called by the one who fetched. wait is the time until it fetches
// again by itself.
func (a *attempts) end(err error, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = err
	a.failures++
	if err == nil {
		a.failures, a.lastGood = 0, a.current.began
		close(a.good)
		a.good = make(chan struct{})
	}
	a.next = a.clock().Add(wait)
	a.release(err)
}

// plan says that the set fetches by itself after wait.
func (a *attempts) plan(wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next = a.clock().Add(wait)
}

// close ends the attempt that is under way, and allows none after it.
func (a *attempts) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.release(errClosed)
}

// release lets those go who wait.
func (a *attempts) release(err error) {
	if a.current != nil {
		a.current.err = err
		close(a.current.done)
		a.current = nil
	}
}

// nextGood returns what is closed when the next attempt goes well.
func (a *attempts) nextGood() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.good
}

// lately returns how many attempts failed in a row, and how the last one did:
// 0 and nil if it went well.
func (a *attempts) lately() (failures int, last error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failures, a.last
}

// nextAt returns when the set fetches by itself, and zero if it doesn't.
func (a *attempts) nextAt() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return time.Time{}
	}
	return a.next
}

// unavailable says that there is no key to be had before the next fetch,
// because of err or, if that is nil, of what went wrong last.
func (a *attempts) unavailable(err error) *UnavailableError {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return &UnavailableError{Err: errClosed}
	case err == nil:
		err = a.last
	}
	return &UnavailableError{After: a.untilNext(a.clock()), Err: err}
}

// untilNext returns the time until the set fetches by itself, or a little if
// that is happening.
func (a *attempts) untilNext(now time.Time) time.Duration {
	if after := a.next.Sub(now); after > 0 && a.current == nil {
		return after
	}
	return a.soon
}
