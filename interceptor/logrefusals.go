package interceptor

import (
	"context"
	"log/slog"
)

// LogRefusals returns an observer that logs the calls that are refused, coming in
// and going out, the streams that end with their token, and what would be refused
// or ended in [Shadow]: at level Warn, with the
// fingerprint of the token, whose it is if it was verified, and the refusal, which
// shows reason, method, hop and cause. It logs no token, and nothing that is let
// in. A nil logger logs nothing.
func LogRefusals(logger *slog.Logger) Observer {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return refusalLog{logger}
}

type refusalLog struct{ logger *slog.Logger }

func (l refusalLog) Decided(ctx context.Context, d Decision) {
	if d.Err == nil {
		return
	}
	message := "call refused"
	switch {
	case d.Ended && d.Shadow:
		message = "stream would be ended"
	case d.Ended:
		message = "stream ended"
	case d.Shadow:
		message = "call would be refused"
	}
	attrs := []slog.Attr{slog.String("token", d.Fingerprint), slog.Any("refusal", d.Err)}
	if d.Token != nil {
		attrs = append(attrs, slog.String("principal", d.Token.Principal().String()))
	}
	l.logger.LogAttrs(ctx, slog.LevelWarn, message, attrs...)
}

func (l refusalLog) Relayed(ctx context.Context, r Relayed) {
	if r.Err == nil {
		return
	}
	l.logger.LogAttrs(ctx, slog.LevelWarn, "relay refused",
		slog.String("token", r.Fingerprint), slog.String("target", r.Target), slog.Any("refusal", r.Err))
}
