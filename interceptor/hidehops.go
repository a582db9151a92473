package interceptor

import (
	"log/slog"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// HideHops keeps the names of services from callers: neither refusals of this
// server nor those of services behind it, which its handlers pass on, say which
// hop refused. It is for the edge, where callers are strangers. Observers and
// logs still see the names. What a handler copies into its trailers by itself, as
// a transparent proxy does, is not looked at.
func HideHops() ServerOption {
	return serverOption(func(s *Server) error {
		s.hideHops = true
		return nil
	})
}

// toCaller returns err as callers may see it.
func (s *Server) toCaller(err error) error {
	if err == nil || !s.hideHops {
		return err
	}
	return withoutHops(err)
}

// withoutHops returns err without the hops in its status, or err itself if there
// are none.
func withoutHops(err error) error {
	plain := status.Convert(err).Proto()
	hidden := false
	for i, detail := range plain.GetDetails() {
		info := new(errdetails.ErrorInfo)
		if detail.UnmarshalTo(info) != nil || info.GetDomain() != Domain || info.GetMetadata()[hopKey] == "" {
			continue
		}
		delete(info.Metadata, hopKey)
		if packed, err := anypb.New(info); err == nil {
			plain.Details[i], hidden = packed, true
		}
	}
	if !hidden {
		return err
	}
	return &hiddenError{status: status.FromProto(plain), cause: err}
}

// hiddenError is an error whose status says less than its cause.
type hiddenError struct {
	status *status.Status
	cause  error
}

func (e *hiddenError) Error() string              { return e.cause.Error() }
func (e *hiddenError) Unwrap() error              { return e.cause }
func (e *hiddenError) LogValue() slog.Value       { return slog.AnyValue(e.cause) }
func (e *hiddenError) GRPCStatus() *status.Status { return e.status }
