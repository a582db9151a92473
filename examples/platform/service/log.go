package service

import (
	"context"
	"log/slog"
	"runtime/debug"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// observing returns interceptors that log how each call ended.
func observing(logger *slog.Logger) []grpc.ServerOption {
	finish := logging.WithLogOnEvents(logging.FinishCall)
	write := logging.LoggerFunc(func(ctx context.Context, level logging.Level, message string, fields ...any) {
		logger.Log(ctx, slog.Level(level), message, fields...)
	})
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(logging.UnaryServerInterceptor(write, finish)),
		grpc.ChainStreamInterceptor(logging.StreamServerInterceptor(write, finish)),
	}
}

// recovering returns interceptors that turn a panic into an error whose text
// tells the caller nothing.
func recovering(logger *slog.Logger) []grpc.ServerOption {
	onPanic := recovery.WithRecoveryHandlerContext(func(ctx context.Context, reason any) error {
		logger.ErrorContext(ctx, "panic", "reason", reason, "stack", string(debug.Stack()))
		return status.Error(codes.Internal, "internal error")
	})
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(recovery.UnaryServerInterceptor(onPanic)),
		grpc.ChainStreamInterceptor(recovery.StreamServerInterceptor(onPanic)),
	}
}
