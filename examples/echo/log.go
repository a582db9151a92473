package main

import (
	"context"
	"log/slog"
	"runtime/debug"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// recovered turns a panic into an error whose text tells the caller nothing.
func recovered(logger *slog.Logger) recovery.RecoveryHandlerFuncContext {
	return func(ctx context.Context, reason any) error {
		logger.ErrorContext(ctx, "panic", "reason", reason, "stack", string(debug.Stack()))
		return status.Error(codes.Internal, "internal error")
	}
}
