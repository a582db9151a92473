package interceptor

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"github.com/jwtrelay/jwtrelay/token"
)

// Refusal is what a call that was refused learns of it, from the status that
// it ended with. It is information, never authority: whoever answers a call can
// write into its status what they like.
type Refusal struct {
	Reason     token.Reason
	Code       codes.Code
	Hop        string        // name of the service that refused, "" if it has none
	Message    string        // a sentence
	RetryAfter time.Duration // for Unavailable: when to try again, an hour at most; else 0
}

// What is believed of a status at most.
const (
	maxName  = 256 // bytes of a reason or a hop
	maxRetry = time.Hour
)

// RefusalFrom returns the refusal that err tells of: one of a service behind
// this one, however many, or one of this service's own interceptors. It is
// false if err is nil, or of any other kind.
func RefusalFrom(err error) (Refusal, bool) {
	s, ok := status.FromError(err)
	if !ok || err == nil {
		return Refusal{}, false
	}
	r := Refusal{Code: s.Code(), Message: s.Message()}
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if r.Reason == "" && detail.GetDomain() == Domain {
				r.Reason, r.Hop = token.Reason(shortened(detail.GetReason())), shortened(detail.GetMetadata()["hop"])
			}
		case *errdetails.RetryInfo:
			if r.Code == codes.Unavailable {
				r.RetryAfter = max(0, min(detail.GetRetryDelay().AsDuration(), maxRetry))
			}
		}
	}
	if r.Reason == "" {
		return Refusal{}, false
	}
	return r, true
}

// shortened cuts a name of absurd length.
func shortened(name string) string {
	if len(name) > maxName {
		return strings.ToValidUTF8(name[:maxName], "")
	}
	return name
}

// AsUpstream returns what a handler should answer when a service that it called
// ended the call with err.
//
// A service behind this one that refuses a token which this one verified has
// other keys, names or rules than this one. That is not the user's fault, and
// logging in again would not help, so it becomes Internal, with the reason and
// the hop kept for whoever reads logs. What the user can do something about
// passes as it is: a token that is missing, has expired or was revoked, and any
// PermissionDenied. So does an outage (Unavailable), every other error, and nil.
func AsUpstream(err error) error {
	r, ok := RefusalFrom(err)
	if !ok || r.Code != codes.Unauthenticated || isUsersMatter(r.Reason) {
		return err
	}
	return &upstreamError{refusal: r, cause: err}
}

// isUsersMatter reports whether the user can do something about the reason.
func isUsersMatter(reason token.Reason) bool {
	return slices.Contains([]token.Reason{
		token.ReasonMissing, token.ReasonExpired, token.ReasonRevoked,
	}, reason)
}

// upstreamError is a refusal by a service behind this one, as this one tells it.
type upstreamError struct {
	refusal Refusal
	cause   error
}

// Error returns a sentence that is safe to show to the caller.
func (e *upstreamError) Error() string {
	return "a service behind this one did not accept the token"
}

// Unwrap returns what that service answered.
func (e *upstreamError) Unwrap() error { return e.cause }

// GRPCStatus returns what goes over the wire.
func (e *upstreamError) GRPCStatus() *status.Status {
	info := &errdetails.ErrorInfo{Reason: string(e.refusal.Reason), Domain: Domain}
	if e.refusal.Hop != "" {
		info.Metadata = map[string]string{"hop": e.refusal.Hop}
	}
	return withDetails(status.New(codes.Internal, e.Error()), info)
}

// withDetails adds details to a status, which can't fail for one that is not OK.
func withDetails(plain *status.Status, details ...protoadapt.MessageV1) *status.Status {
	full, err := plain.WithDetails(details...)
	if err != nil {
		return plain
	}
	return full
}
