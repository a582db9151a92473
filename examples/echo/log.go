package main

import (
	"context"
	"log/slog"
	"runtime/debug"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// refusals logs the calls that are refused, coming in and going out. To a log
// their errors show reason, method and cause; they never show the token.
type refusals struct{ logger *slog.Logger }

// Decided implements [interceptor.Observer].
func (r refusals) Decided(ctx context.Context, d interceptor.Decision) {
	if d.Err != nil {
		r.logger.WarnContext(ctx, "call refused", "token", d.Fingerprint, "refusal", d.Err)
	}
}

// Relayed implements [interceptor.Observer].
func (r refusals) Relayed(ctx context.Context, relayed interceptor.Relayed) {
	if relayed.Err != nil {
		r.logger.WarnContext(ctx, "relay refused", "token", relayed.Fingerprint, "target", relayed.Target, "refusal", relayed.Err)
	}
}

// recovered turns a panic into an error whose text tells the caller nothing.
func recovered(logger *slog.Logger) recovery.RecoveryHandlerFuncContext {
	return func(ctx context.Context, reason any) error {
		logger.ErrorContext(ctx, "panic", "reason", reason, "stack", string(debug.Stack()))
		return status.Error(codes.Internal, "internal error")
	}
}
