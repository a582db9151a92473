package main

import "sync"

// journal remembers the latest changes, which it numbers. It may be used
// concurrently.
type journal struct {
	keep int // how many, 1 or more

	mu      sync.Mutex
	last    uint64        // the number of the latest change
	changes []string      // the latest, up to the last
	grown   chan struct{} // closed by the next change
}

// newJournal returns a journal that remembers so many changes and numbers them
// from last on. A journal that is lost with its process must never give a number
// again: a watch would go on in the midst of other changes, and not know. So what
// comes after it begins above: with what a database counted, or the time in
// microseconds. Positions of before are then too old, and are told so.
func newJournal(keep int, last uint64) *journal {
	return &journal{keep: keep, last: last, grown: make(chan struct{})}
}

// add adds a change and returns its number.
func (j *journal) add(change string) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	j.changes = append(j.changes, change)
	j.changes = j.changes[max(0, len(j.changes)-j.keep):]
	close(j.grown)
	j.grown = make(chan struct{})
	return j.last
}

// since returns all changes after a position, the first of which has the number
// after the position's, and a channel that is closed when there are more. The
// error is a [*positionError]. The changes are shared: don't write to them.
func (j *journal) since(position uint64) (changes []string, grown <-chan struct{}, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	oldest := j.last - uint64(len(j.changes))
	switch {
	case position < oldest:
		return nil, nil, &positionError{tooOld, oldest, j.last}
	case position > j.last:
		return nil, nil, &positionError{ahead, oldest, j.last}
	}
	n := len(j.changes)
	return j.changes[position-oldest : n : n], j.grown, nil
}

// newest returns the number of the latest change.
func (j *journal) newest() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}
