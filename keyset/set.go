package keyset

import (
	"context"
	"errors"
	"time"
)

// Set finds the key that may verify a signature.
//
// Key gets the key id of a token's header ("" if it names none) and its
// algorithm. With an id, the answer is the key of that id and algorithm, else,
// among the keys that have no id, the only one for that algorithm. Without an
// id it is the only key for that algorithm: with several, picking one would
// be guessing.
//
// Key is non-nil if and only if the error is nil. An error matches, by
// [errors.Is], one of
//
//   - [ErrUnknownKey]: the set is up to date and has no such key, or no id was
//     given and several keys fit;
//   - [ErrWrongAlgorithm]: the key of that id verifies another algorithm, or
//     no key of the set verifies this one;
//   - [ErrUnavailable]: the set can't tell now. [RetryAfter] says when to ask
//     again.
//
// Key may be called concurrently. It waits, if at all, no longer than ctx.
type Set interface {
	Key(ctx context.Context, id string, alg Algorithm) (*Key, error)
}

// The answers of a [Set] that are not a key.
var (
	ErrUnknownKey     = errors.New("keyset: no key with this id")
	ErrWrongAlgorithm = errors.New("keyset: no key for this algorithm")
	ErrUnavailable    = errors.New("keyset: keys are unavailable")
)

// UnavailableError is an [ErrUnavailable] that knows more: what went wrong and
// when it is worth asking again.
type UnavailableError struct {
	After time.Duration // until the set may know; 0 if it can't say
	Err   error         // what went wrong last; may be nil
}

// Error says that keys are unavailable, and why.
func (e *UnavailableError) Error() string {
	if e.Err == nil {
		return ErrUnavailable.Error()
	}
	return ErrUnavailable.Error() + ": " + e.Err.Error()
}

// Is reports whether target is [ErrUnavailable].
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }

// Unwrap returns Err.
func (e *UnavailableError) Unwrap() error { return e.Err }

// RetryAfter returns how long to wait before asking again, if err is an
// [ErrUnavailable] that knows, and 0 otherwise.
func RetryAfter(err error) time.Duration {
	var unavailable *UnavailableError
	if errors.As(err, &unavailable) {
		return unavailable.After
	}
	return 0
}
