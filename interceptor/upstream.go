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
// other keys, names or rules than this one. That is not the user's fault, and
// logging in again would not help, so it becomes Internal, with the reason and
// the hop kept for whoever reads logs. What the user can do something about
// passes as it is: what [Refusal.NeedsLogin], and any PermissionDenied. So does an outage (Unavailable), every other error, and nil.
func AsUpstream(err error) error {
	r, ok := RefusalFrom(err)
	if !ok || r.Code != codes.Unauthenticated || r.NeedsLogin() {
		return err
	}
	return &upstreamError{refusal: r, cause: err}
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
