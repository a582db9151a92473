package token

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// Error is why a token was refused. It has two readers. The caller gets
// [Error.Error] and [Error.Reason], which hold nothing of the token, of what
// it says, or of our insides. The operator gets the cause, from
// [Error.Unwrap] and [Error.LogValue]; it may quote claims, never the token.
type Error struct {
	reason Reason
	cause  error
}

// NewError returns an error for the given reason. cause is for the operator
// and may be nil. It is for those that look for tokens in calls and must say
// that there is none; verdicts on tokens come from a [Verifier].
func NewError(reason Reason, cause error) *Error { return &Error{reason: reason, cause: cause} }

// Error returns a sentence that is safe to show to the caller.
func (e *Error) Error() string { return e.reason.text() }

// Reason returns the reason.
func (e *Error) Reason() Reason { return e.reason }

// Unwrap returns the cause, for the operator; it may be nil.
func (e *Error) Unwrap() error { return e.cause }

// RetryAfter returns how long to wait before trying again, for
// [ReasonKeysUnavailable] and [ReasonRevocationsUnavailable], and 0 if that isn't
// known or makes no sense.
func (e *Error) RetryAfter() time.Duration {
	var cause interface{ RetryAfter() time.Duration }
	if errors.As(e.cause, &cause) {
		return cause.RetryAfter()
	}
	return keyset.RetryAfter(e.cause)
}

// LogValue shows the reason and the cause.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("reason", string(e.reason))}
	if e.cause != nil {
		attrs = append(attrs, slog.String("cause", e.cause.Error()))
	}
	return slog.GroupValue(attrs...)
}

// refuse returns an Error whose cause is the formatted text, or the error that
// it wraps.
func refuse(reason Reason, format string, args ...any) *Error {
	return &Error{reason: reason, cause: fmt.Errorf(format, args...)}
}

// refuseWord returns an Error about one word of the token, which was refused for
// err if that is not nil. It is for what anybody can send as often as they like:
// the cause becomes text only when somebody reads it.
func refuseWord(reason Reason, what, word string, err error) *Error {
	return &Error{reason: reason, cause: &wordError{what: what, word: clip(word), err: err}}
}

// wordError is a cause: one word of the token, and what is wrong with it.
type wordError struct {
	what string
	word clipped
	err  error // may be nil
}

// Error shows the word.
func (e *wordError) Error() string {
	if e.err == nil {
		return e.what + " " + e.word.String()
	}
	return e.what + " " + e.word.String() + ": " + e.err.Error()
}

// Unwrap returns what is wrong with the word; it may be nil.
func (e *wordError) Unwrap() error { return e.err }

// mostClipped is how many bytes of a stranger's words are shown.
const mostClipped = 80

// clipped is the beginning of a string that a stranger chose. It keeps no more of
// it in memory.
type clipped struct {
	text string
	more int // bytes that are left out
}

func clip(s string) clipped {
	if len(s) <= mostClipped {
		return clipped{text: s}
	}
	return clipped{text: strings.Clone(s[:mostClipped]), more: len(s) - mostClipped}
}

// String makes it fit for a log line.
func (c clipped) String() string {
	if c.more == 0 {
		return strconv.Quote(c.text)
	}
	return fmt.Sprintf("%q (and %d bytes more)", c.text, c.more)
}

// quoted makes a string that a stranger chose fit for a log line.
func quoted(s string) string { return clip(s).String() }
