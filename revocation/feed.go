package revocation

import (
	"context"
	"errors"
)

// Feed is where a [List] has entries from, again and again: first all that may
// still matter, then what is added. Different goroutines may read it at the same
// time, from different positions.
type Feed interface {
	// Read returns entries that were added after a position, in any order, and
	// where to go on. The position "" is the beginning: reading on from there until
	// a batch is UpToDate brings every entry that a token may still match. An entry
	// may come more than once. Positions are the feed's own matter; each was
	// returned by Read before, maybe in another process.
	//
	// If there is nothing to return, Read waits for it, no longer than ctx and a few
	// seconds: then it returns an empty batch, which says that all is well.
	//
	// [ErrPositionLost] says that the feed can't go on from there: the reader begins
	// again, and keeps what it has. Any other error says that the feed can't be read
	// now; the reader tries again after a growing pause.
	Read(ctx context.Context, position string) (Batch, error)
}

// Batch is what one call of [Feed] brings.
type Batch struct {
	Entries  []Entry
	Position string  // after which to go on; never "" with UpToDate
	UpToDate bool    // nothing else had been added when Read was called
	Skipped  []error // what there was but can't be understood; it is lost
}

// ErrPositionLost says that a [Feed] can't go on from a position, because what came
// next has been dropped, or the feed is another one now.
var ErrPositionLost = errors.New("revocation: position lost")

// Writer makes entries known: to a [List], by a file, or to a whole fleet. Its
// method may be called concurrently.
type Writer interface {
	// Revoke publishes entries, all or none. When it returns nil, they are as safe
	// as the writer can make them. After an error, which may come too late to stop
	// them, call it again: publishing an entry twice does no harm. An entry that
	// [Entry.Check] refuses is an error that nothing mends.
	Revoke(ctx context.Context, entries ...Entry) error
}
