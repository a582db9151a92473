package interceptor

import (
	"errors"
	"log/slog"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/jwtrelay/jwtrelay/token"
)

// Domain is the domain of the ErrorInfo in every refusal.
const Domain = "jwtrelay"

// refusalError is a call that was refused, here. Like [token.Error] it has two
// readers: its text and its status are for the caller, its cause is for the
// operator.
type refusalError struct {
	reason token.Reason
	method string
	hop    string // where it was refused, "" if that has no name
	scope  string // what would be accepted, for ReasonScopeInsufficient
	cause  error  // may be nil

	hopHidden bool // whether callers are not told the hop
	ended     bool // whether it is the end of a call that was let in, and so the cause of a context

	answer *answer // what the caller is told; nil if that isn't prepared
}

// newRefusal returns a refusal for err, which came of looking for a token or
// of verifying it.
func newRefusal(err error, method, hop string) *refusalError {
	r := &refusalError{reason: token.ReasonOf(err), method: method, hop: hop, cause: err}
	if inner, ok := errors.AsType[*refusalError](err); ok {
		r.reason, r.scope, r.cause = inner.reason, inner.scope, inner.cause
	}
	return r
}

// refuseUnread returns a refusal for err, which came of looking for a token.
func refuseUnread(err error) *refusalError {
	r := &unreadError{verdict: *token.NewError(reasonFor(err), err)}
	r.reason, r.cause = r.verdict.Reason(), &r.verdict
	return &r.refusalError
}

// unreadError is a refusal and its cause in one piece: anyone may send calls that
// end so, as many as they like.
type unreadError struct {
	refusalError
	verdict token.Error
}

// Error returns a sentence that is safe to show to the caller.
func (r *refusalError) Error() string {
	if text := verdictOf(r.reason).text; text != "" {
		return text
	}
	return token.NewError(r.reason, nil).Error()
}

// Unwrap returns the cause, for the operator; it may be nil.
func (r *refusalError) Unwrap() error { return r.cause }

// GRPCStatus returns what goes over the wire. It may be shared: a status is not
// modified.
func (r *refusalError) GRPCStatus() *status.Status {
	if r.answer != nil {
		return r.answer.status
	}
	return r.newStatus()
}

// newStatus is GRPCStatus where nothing is prepared.
func (r *refusalError) newStatus() *status.Status {
	details := []protoadapt.MessageV1{protoadapt.MessageV1Of(r.info())}
	if verdictOf(r.reason).code == codes.Unavailable {
		retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(r.retryAfter())}
		details = append(details, protoadapt.MessageV1Of(retry))
	}
	return withDetails(status.New(verdictOf(r.reason).code, r.Error()), details...)
}

// What the metadata of an ErrorInfo of ours has.
const (
	hopKey   = "hop"
	scopeKey = "scope"
)

// info is what a program among the callers reads.
func (r *refusalError) info() *errdetails.ErrorInfo {
	info := &errdetails.ErrorInfo{Reason: string(r.reason), Domain: Domain}
	if r.hop != "" && !r.hopHidden {
		info.Metadata = map[string]string{hopKey: r.hop}
	}
	if r.scope != "" {
		if info.Metadata == nil {
			info.Metadata = make(map[string]string, 1)
		}
		info.Metadata[scopeKey] = r.scope
	}
	return info
}

// LogValue shows what the operator needs.
func (r *refusalError) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("reason", string(r.reason)),
		slog.String("method", r.method),
	}
	if r.hop != "" {
		attrs = append(attrs, slog.String("hop", r.hop))
	}
	return slog.GroupValue(append(attrs, slog.String("cause", r.deepCause().Error()))...)
}

// deepCause is the cause behind the public sentence of a [token.Error], and the
// refusal itself where nothing more is known.
func (r *refusalError) deepCause() error {
	cause := r.cause
	if e, ok := errors.AsType[*token.Error](cause); ok {
		cause = e.Unwrap()
	}
	if cause == nil {
		return r
	}
	return cause
}

// defaultRetry is told to callers if nobody knows when keys will be back.
const defaultRetry = time.Second

func (r *refusalError) retryAfter() time.Duration {
	if e, ok := errors.AsType[*token.Error](r.cause); ok && e.RetryAfter() > 0 {
		return e.RetryAfter()
	}
	return defaultRetry
}

// withDetails adds details to a status, which can't fail for one that is not OK.
func withDetails(plain *status.Status, details ...protoadapt.MessageV1) *status.Status {
	full, err := plain.WithDetails(details...)
	if err != nil {
		return plain
	}
	return full
}
