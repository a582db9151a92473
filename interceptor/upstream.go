package interceptor

import (
	"log/slog"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// AsUpstream returns what a handler should answer when a service that it called
// ended the call with err.
//
// A service behind this one that refuses a token which this one verified has
// other keys, names or rules than this one; one that refuses this one as its peer,
// or has no rule for what this one calls, was not made for it. That is not the
// user's fault, and logging in again would not help, so it becomes Internal, with
// the reason and the hop kept for whoever reads logs. What is about the user
// passes as it is: where [Refusal.NeedsLogin], and any other PermissionDenied. So
// does an outage (Unavailable), every other error, and nil. A missing token passes
// for callers who were let in without one; of a method that asks for a token it
// means that the relay is missing on this connection.
func AsUpstream(err error) error {
	r, ok := RefusalFrom(err)
	if !ok || isUsersMatter(r) {
		return err
	}
	return &upstreamError{refusal: r, cause: err}
}

// isUsersMatter reports whether the refusal by another service is about the user,
// or anything else that the caller should learn.
func isUsersMatter(r Refusal) bool {
	switch r.Code {
	case codes.Unauthenticated:
		return r.NeedsLogin()
	case codes.PermissionDenied:
		return r.Reason != ReasonPeerNotAllowed && r.Reason != ReasonNoPolicy
	default:
		return true
	}
}

// upstreamError is a refusal by a service behind this one, as this one tells it.
type upstreamError struct {
	refusal Refusal
	cause   error
}

// Error returns a sentence that is safe to show to the caller.
func (e *upstreamError) Error() string {
	return "a service behind this one did not accept the call"
}

// Unwrap returns what that service answered.
func (e *upstreamError) Unwrap() error { return e.cause }

// LogValue shows what that service answered.
func (e *upstreamError) LogValue() slog.Value { return slog.AnyValue(e.cause) }

// GRPCStatus returns what goes over the wire.
func (e *upstreamError) GRPCStatus() *status.Status {
	info := &errdetails.ErrorInfo{Reason: string(e.refusal.Reason), Domain: Domain}
	if e.refusal.Hop != "" {
		info.Metadata = map[string]string{hopKey: e.refusal.Hop}
	}
	return withDetails(status.New(codes.Internal, e.Error()), info)
}
