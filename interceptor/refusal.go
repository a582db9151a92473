package interceptor

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/token"
)

// Refusal is what a call that was refused learns of it, from the status that
// it ended with. It is information, never authority: whoever answers a call can
// write into its status what they like.
type Refusal struct {
	Reason     token.Reason
	Code       codes.Code
	Hop        string        // name of the service that refused, "" if it has none
	Scope      string        // for SCOPE_INSUFFICIENT: what the rule asks for (RFC 6749 section 3.3)
	Message    string        // a sentence
	RetryAfter time.Duration // for Unavailable: when to try again, an hour at most; else 0
}

// What is believed of a status at most.
const (
	maxName  = 256     // bytes of a reason or a hop
	maxText  = 4 << 10 // bytes of a sentence or of scopes
	maxRetry = time.Hour
)

// NeedsLogin reports whether the user can mend it, by getting a new token: the
// token is missing, has expired, is too old for the method, or was revoked.
func (r Refusal) NeedsLogin() bool {
	return r.Code == codes.Unauthenticated && slices.Contains([]token.Reason{
		token.ReasonMissing, token.ReasonExpired, token.ReasonRevoked, ReasonTooOld,
	}, r.Reason)
}

// RefusalFrom returns the refusal that err tells of: one of a service behind
// this one, however many, one of this service's own interceptors, or one of a
// [token.Verifier] that was asked without them. It is false if err is nil, or of
// any other kind.
func RefusalFrom(err error) (Refusal, bool) {
	s, ok := status.FromError(err)
	if err == nil || !ok {
		return refusalOfVerifier(err)
	}
	r := Refusal{Code: s.Code(), Message: shortened(s.Message(), maxText)}
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if r.Reason == "" && detail.GetDomain() == Domain {
				r.Reason = token.Reason(shortened(detail.GetReason(), maxName))
				r.Hop = shortened(detail.GetMetadata()[hopKey], maxName)
				r.Scope = shortened(detail.GetMetadata()[scopeKey], maxText)
			}
		case *errdetails.RetryInfo:
			if r.Code == codes.Unavailable {
				r.RetryAfter = max(0, min(detail.GetRetryDelay().AsDuration(), maxRetry))
			}
		}
	}
	if r.Reason == "" {
		return refusalOfVerifier(err)
	}
	return r, true
}

// refusalOfVerifier is RefusalFrom for what [token.Verifier.Verify] returns.
func refusalOfVerifier(err error) (Refusal, bool) {
	var e *token.Error
	if !errors.As(err, &e) {
		return Refusal{}, false
	}
	return Refusal{Reason: e.Reason(), Code: verdictOf(e.Reason()).code, Message: e.Error(), RetryAfter: min(e.RetryAfter(), maxRetry)}, true
}

// shortened returns a text that a stranger wrote, fit for a line: cut if it is of
// absurd length, and without control characters.
func shortened(text string, most int) string {
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, text)
}
