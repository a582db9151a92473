package keyset

import (
	"errors"
	"sync"
	"time"
)

// Why a set can't tell, besides a fetch that failed.
var (
	errClosed = errors.New("the set is closed")
	errSlow   = errors.New("the fetch takes longer than UnknownWait")
)

// attempt is one fetch, that any number of callers may wait for.
type attempt struct {
	done chan struct{} // closed when it ended
	err  error         // how; not to be read before
}

// attempts decides who may cause a fetch, and remembers how the last one went.
// It may be used concurrently.
type attempts struct {
	clock func() time.Time
	soon  time.Duration // to ask again after, while a fetch is under way
	asked chan struct{} // has a value when join wants a fetch

	mu      sync.Mutex
	budget  budget
	current *attempt  // asked for or under way; nil if none is
	last    error     // of the last one that ended; nil if it went well
	next    time.Time // when the set fetches by itself
	closed  bool
}

func newAttempts(config RemoteConfig) *attempts {
	now := config.Clock()
	return &attempts{
		clock: config.Clock, soon: config.MinBackoff, asked: make(chan struct{}, 1),
		budget: newBudget(config.UnknownBurst, config.UnknownInterval, now), next: now,
	}
}

// join returns the fetch to wait for: the one under way, or a new one if the
// budget has it. With neither, the attempt is nil, and so is the error if the
// last one went well. What the set holds is then fresh enough to be believed:
// a budget that is empty was spent on an attempt within the last interval.
func (a *attempts) join() (*attempt, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock()
	switch {
	case a.closed:
		return nil, &UnavailableError{Err: errClosed}
	case a.current != nil:
		return a.current, nil
	case a.budget.take(now):
		a.current = &attempt{done: make(chan struct{})}
		a.asked <- struct{}{} // never blocks: begin empties it
		return a.current, nil
	case a.last == nil:
		return nil, nil
	default:
		return nil, &UnavailableError{After: a.budget.untilTick(now), Err: a.last}
	}
}

// begin is called by the one who fetches, before it does.
func (a *attempts) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current == nil {
		a.current = &attempt{done: make(chan struct{})}
	}
	select {
	case <-a.asked: // this is it
	default:
	}
}

// end is called by the one who fetched. wait is the time until it fetches
// again by itself.
func (a *attempts) end(err error, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = err
	a.next = a.clock().Add(wait)
	a.release(err)
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

// notReady says that no keys came yet.
func (a *attempts) notReady() *UnavailableError {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return &UnavailableError{Err: errClosed}
	}
	after := a.next.Sub(a.clock())
	if after <= 0 { // it is under way
		after = a.soon
	}
	return &UnavailableError{After: after, Err: a.last}
}

// failed says that the attempt did not help, because of err.
func (a *attempts) failed(err error) *UnavailableError {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return &UnavailableError{Err: errClosed}
	}
	return &UnavailableError{After: a.budget.untilTick(a.clock()), Err: err}
}
