package service

import (
	"context"
	"time"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

// Caller returns whose call ctx belongs to: the key for everything that belongs
// to somebody. The error is a status.
func Caller(ctx context.Context) (token.Principal, error) {
	caller, err := verified(ctx)
	if err != nil {
		return token.Principal{}, err
	}
	return caller.Principal(), nil
}

// Hops returns the hops of an answer: this service, as it verified the call
// that ctx belongs to, and those behind it. The error is a status.
func Hops(ctx context.Context, behind ...*platformv1.Hop) ([]*platformv1.Hop, error) {
	caller, err := verified(ctx)
	if err != nil {
		return nil, err
	}
	r, ok := ctx.Value(recordKey{}).(*record)
	if !ok {
		return nil, status.Error(codes.Internal, "no record of the call in the context")
	}
	this := &platformv1.Hop{
		Name:        r.name,
		Method:      r.method,
		Subject:     caller.Subject(),
		Fingerprint: caller.Fingerprint(),
		VerifyTime:  durationpb.New(r.verifyTime),
	}
	return append([]*platformv1.Hop{this}, behind...), nil
}

// verified returns the token of the call. That there is none would be a mistake
// of the service's policy.
func verified(ctx context.Context) (*token.Token, error) {
	caller, ok := token.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Internal, "no verified token in the context")
	}
	return caller, nil
}

// record is what becomes known of a call on its way to the handler. The
// interceptors of [recording] put it into the context, the verifier's observer
// writes to it, and then the handler reads it, all in one goroutine.
type record struct {
	name       string // of this service
	method     string
	verifyTime time.Duration
}

type recordKey struct{}

// recording returns interceptors that give every call a record. They belong in
// front of those that verify.
func recording(name string) []grpc.ServerOption {
	record := func(ctx context.Context, method string) context.Context {
		return context.WithValue(ctx, recordKey{}, &record{name: name, method: method})
	}
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			return next(record(ctx, info.FullMethod), req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			return next(srv, &middleware.WrappedServerStream{
				ServerStream:   stream,
				WrappedContext: record(stream.Context(), info.FullMethod),
			})
		}),
	}
}

// stopwatch notes how long the verification of a call's token took.
type stopwatch struct{}

// Verified implements [token.Observer].
func (stopwatch) Verified(ctx context.Context, v token.Verification) {
	if r, ok := ctx.Value(recordKey{}).(*record); ok {
		r.verifyTime = v.Duration
	}
}
