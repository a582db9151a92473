package middleware

import (
	"context"
	"log/slog"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// linesIn returns the logger that writes to logger.
func linesIn(logger *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(ctx context.Context, level logging.Level, message string, fields ...any) {
		logger.Log(ctx, slog.Level(level), message, fields...)
	})
}

// addCaller tells the logging interceptor further out who is calling: the
// subject, and the token's fingerprint, never the token.
//
// That interceptor has the context from before auth, where there is no token.
// So WithFieldsFromContext finds none, and InjectFields makes a context that
// only handlers see. AddFields writes into the fields that both contexts share.
// It must not be called concurrently, and isn't: no handler runs yet.
func addCaller(ctx context.Context, caller *token.Token) {
	logging.AddFields(ctx, logging.Fields{
		"auth.subject", caller.Subject(),
		"auth.fingerprint", caller.Fingerprint(),
	})
}

// refusal returns what the log says of a call that was refused, here or by a
// service behind this one. Of what this one refused, slog gets more out of the
// error than the caller does: the cause, and never the token.
func refusal(err error) logging.Fields {
	refusal, ok := interceptor.RefusalFrom(err)
	if !ok {
		return nil
	}
	return logging.Fields{
		"auth.reason", refusal.Reason,
		"auth.refused_by", refusal.Hop,
		"auth.refusal", err,
	}
}
