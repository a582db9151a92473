package token

import (
	"context"
	"sync"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// flights are the verifications that are under way. Who brings a token that somebody
// else has just brought waits for that one's result.
type flights struct {
	mu       sync.Mutex
	underWay map[flightKey]*flight
}

// flightKey is what makes two verifications the same one.
type flightKey struct {
	raw string
	key *keyset.Key
}

// flight is one of them. Its result may be read when it has landed.
type flight struct {
	landed chan struct{} // nil as long as nobody waits

	token     *Token
	err       *Error
	abandoned bool // whether there is no result: whoever waits must see for itself
}

// join returns the flight for key. leads says that the caller is to verify, and to call
// land in any case.
func (f *flights) join(key flightKey) (joined *flight, leads bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if joined = f.underWay[key]; joined != nil {
		if joined.landed == nil {
			joined.landed = make(chan struct{})
		}
		return joined, false
	}
	if f.underWay == nil {
		f.underWay = make(map[flightKey]*flight)
	}
	joined = &flight{abandoned: true} // unless it lands well
	f.underWay[key] = joined
	return joined, true
}

// end notes the result.
func (l *flight) end(t *Token, err *Error) { l.token, l.err, l.abandoned = t, err, false }

// land ends the flight for key, with the result that it has.
func (f *flights) land(key flightKey, landing *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.underWay, key)
	if landing.landed != nil {
		close(landing.landed)
	}
}

// wait waits until the flight has landed, or ctx has ended.
func (l *flight) wait(ctx context.Context) *Error {
	select {
	case <-l.landed:
		return nil
	case <-ctx.Done():
		return overloaded(ctx)
	}
}
