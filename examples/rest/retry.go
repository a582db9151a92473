package main

import (
	"context"
	"math"
	"strconv"

	"google.golang.org/grpc"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// retryOptions makes the server say in a header when to try again, where the
// status of a refusal says it: HTTP clients look there. It comes before the
// policy, whose refusals it is for. It is on this side and not in the front,
// because grpc-gateway's handler for the errors of streams can set no header.
func retryOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(retryUnary),
		grpc.ChainStreamInterceptor(retryStream),
	}
}

func retryUnary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	response, err := handler(ctx, request)
	sayRetry(ctx, err)
	return response, err
}

func retryStream(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	err := handler(service, stream)
	sayRetry(stream.Context(), err)
	return err
}

func sayRetry(ctx context.Context, err error) {
	refusal, ok := interceptor.RefusalFrom(err)
	if !ok || refusal.RetryAfter <= 0 {
		return
	}
	seconds := math.Ceil(refusal.RetryAfter.Seconds()) // whole ones: RFC 9110 section 10.2.3
	// It fails behind the first message of a stream, where it is too late.
	_ = grpc.SetHeader(ctx, grpcmd.Pairs("retry-after", strconv.Itoa(int(seconds))))
}
