package token

import (
	"errors"
	"fmt"
	"log/slog"
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

// quoted makes a string that a stranger chose fit for a log line.
func quoted(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q (and %d bytes more)", s[:most], len(s)-most)
	}
	return fmt.Sprintf("%q", s)
}
