package middleware

import (
	"log/slog"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/selector"
	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// Options returns what [grpc.NewServer] needs, for unary calls and for streams.
// The order matters:
//
//  1. Logging is outermost, to see how each call ended. It writes nothing while
//     a panic passes through: outside of it, recovery would take the line away
//     of just those calls.
//  2. Recovery covers all that follows. A logger that panics is not covered.
//  3. Auth asks server. What it refuses is logged.
//  4. The last one refuses what auth let pass without asking server.
//
// The headers of a call may have 16 MiB unless gRPC is told otherwise. AuthFunc
// can't tell it, so the limit is an option of its own.
func Options(server *interceptor.Server, logger *slog.Logger) []grpc.ServerOption {
	lines, finish, refusals := linesIn(logger), logging.WithLogOnEvents(logging.FinishCall), logging.WithErrorFields(refusal)
	logged, onPanic := exceptHealth(), recovering(logger)
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(
			selector.UnaryServerInterceptor(logging.UnaryServerInterceptor(lines, finish, refusals), logged),
			recovery.UnaryServerInterceptor(onPanic),
			auth.UnaryServerInterceptor(server.AuthFunc()),
			decidedUnary,
		),
		grpc.ChainStreamInterceptor(
			selector.StreamServerInterceptor(logging.StreamServerInterceptor(lines, finish, refusals), logged),
			recovery.StreamServerInterceptor(onPanic),
			auth.StreamServerInterceptor(server.AuthFunc()),
			decidedStream,
		),
		grpc.MaxHeaderListSize(server.MaxHeaderListSize()),
	}
}
