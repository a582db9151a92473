package connectrelay

import (
	"errors"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// RefusalFrom is [interceptor.RefusalFrom] for errors of Connect's clients, and
// for those of gRPC's.
func RefusalFrom(err error) (interceptor.Refusal, bool) {
	return interceptor.RefusalFrom(asStatus(err))
}

// AsUpstream is [interceptor.AsUpstream] for Connect's handlers: what one should
// answer when a service that it called, by Connect or by gRPC, ended the call with
// err. The error of a gRPC client must not be returned as it is, for Connect
// would tell the caller "unknown". An error that is neither's, and nil, pass.
func AsUpstream(err error) error {
	s, ok := status.FromError(interceptor.AsUpstream(asStatus(err)))
	if err == nil || !ok {
		return err
	}
	return fromStatus(s)
}

// fromStatus returns an error of gRPC as one of Connect.
func fromStatus(s *status.Status) *connect.Error {
	answer := connect.NewError(connect.Code(s.Code()), errors.New(s.Message()))
	for _, detail := range s.Proto().GetDetails() {
		addDetail(answer, detail)
	}
	return answer
}

// asStatus returns an error of Connect as one of gRPC, and any other as it is.
// Their codes have the same numbers.
func asStatus(err error) error {
	var e *connect.Error
	if !errors.As(err, &e) {
		return err
	}
	s := &statuspb.Status{Code: int32(e.Code()), Message: e.Message()} //nolint:gosec // 16 at most
	for _, detail := range e.Details() {
		s.Details = append(s.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + detail.Type(), Value: detail.Bytes()})
	}
	return status.ErrorProto(s)
}

// refuse returns a refusal by this service.
func (r *Relay) refuse(code connect.Code, reason token.Reason, text error) *connect.Error {
	info := &errdetails.ErrorInfo{Reason: string(reason), Domain: interceptor.Domain}
	if r.config.Name != "" {
		info.Metadata = map[string]string{"hop": r.config.Name}
	}
	refusal := connect.NewError(code, text)
	if packed, err := anypb.New(info); err == nil {
		addDetail(refusal, packed)
	}
	return refusal
}

func addDetail(to *connect.Error, packed *anypb.Any) {
	if detail, err := connect.NewErrorDetail(packed); err == nil {
		to.AddDetail(detail)
	}
}
