package main

import (
	"context"
	"log/slog"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// refusals logs the calls that are refused, coming in and going out, with their
// causes. Neither these nor anything else here shows a token.
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
