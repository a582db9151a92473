package interceptor

import "context"

// Call is an outgoing call.
type Call struct {
	Method string // full name
	Target string // what the connection was dialled with
}

// Source gives the credential of an outgoing call. Relaying is the default one;
// exchanging the token for another (RFC 8693) would be another.
//
// An error that is a gRPC status refuses the call as it is. One of a code that
// gRPC reserves for the application (InvalidArgument, NotFound, AlreadyExists,
// FailedPrecondition, Aborted, OutOfRange, DataLoss), and any other error,
// refuses it with [ReasonCredentialUnavailable] and reaches the operator only.
// A Source may be called concurrently, and should heed ctx if it waits.
type Source func(ctx context.Context, call Call) (Credential, error)
