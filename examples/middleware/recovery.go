package middleware

import (
	"context"
	"log/slog"
	"runtime/debug"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// recovering turns a panic into an error whose text tells the caller nothing.
// Without it, recovery sends the panic's text and the stack to the caller.
func recovering(logger *slog.Logger) recovery.Option {
	return recovery.WithRecoveryHandlerContext(func(ctx context.Context, reason any) error {
		call := logger.With(logging.ExtractFields(ctx)...) // which one, and who made it
		call.ErrorContext(ctx, "panic", "reason", reason, "stack", string(debug.Stack()))
		return status.Error(codes.Internal, "internal error")
	})
}
