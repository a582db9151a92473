package main

import (
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What can be wrong with a position, as watch.proto says it.
const (
	tooOld = "POSITION_TOO_OLD"
	ahead  = "POSITION_AHEAD"
)

// positionError is a position from which a watch can't go on.
type positionError struct {
	reason         string
	oldest, newest uint64 // the positions from which one could begin
}

// Error is for callers.
func (e *positionError) Error() string {
	if e.reason == ahead {
		return "the position was never reached here: read everything anew"
	}
	return "changes after the position are forgotten: read everything anew"
}

// GRPCStatus is what goes over the wire.
func (e *positionError) GRPCStatus() *status.Status {
	plain := status.New(codes.OutOfRange, e.Error())
	full, err := plain.WithDetails(&errdetails.ErrorInfo{
		Reason: e.reason,
		Domain: "watch.example.com",
		Metadata: map[string]string{
			"oldest": strconv.FormatUint(e.oldest, 10),
			"newest": strconv.FormatUint(e.newest, 10),
		},
	})
	if err != nil { // it never is, for a status that is not OK
		return plain
	}
	return full
}
