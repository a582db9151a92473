package middleware_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/jwtrelay/jwtrelay/examples/middleware"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestLog: each call has one line that says who called and how it ended, and no
// part of a token is in any.
func TestLog(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		token   []jwttest.TokenOption
		message string
		line    []string
		without string
	}{
		"let in": {nil, "hello", []string{"level=INFO", "grpc.code=OK", "auth.subject=alice", "auth.fingerprint="}, "auth.reason"},
		"panic":  {nil, "panic", []string{"level=ERROR", "grpc.code=Internal", "auth.subject=alice", "auth.fingerprint="}, "as asked"},
		"refused": {
			[]jwttest.TokenOption{jwttest.Expired(time.Hour)}, "hello",
			[]string{"grpc.code=Unauthenticated", "auth.reason=TOKEN_EXPIRED", "auth.refused_by=A", "auth.refusal.cause="}, "auth.subject",
		},
	} {
		for _, kind := range kinds {
			t.Run(name+"/"+kind.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				raw := w.issuer.Token(test.token...)
				_ = kind.call(sending(t, "Bearer "+raw), client(t, new(service), behindOptions(w, w.server(t, middleware.Policy()))), test.message)
				lines := w.log.lines("finished call", lastOf(kind.method))
				if len(lines) != 1 {
					t.Fatalf("%d lines, want 1:\n%s", len(lines), w.log)
				}
				for _, part := range test.line {
					if !strings.Contains(lines[0], part) {
						t.Errorf("no %q in %s", part, lines[0])
					}
				}
				if strings.Contains(lines[0], test.without) {
					t.Errorf("%q is in %s", test.without, lines[0])
				}
				for part := range strings.SplitSeq(raw, ".") {
					if strings.Contains(w.log.String(), part) {
						t.Error("a part of the token is in the log")
					}
				}
			})
		}
	}
}

// TestARefusalFurtherOnIsLogged: a call is let in, and what its handler calls
// is refused. The line says both.
func TestARefusalFurtherOnIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, kind := range kinds {
		service, _ := chain(t, interceptor.OnlyAudience("elsewhere")) // refuses before it calls
		err := kind.call(sending(t, bearing(w)...), client(t, service, behindOptions(w, w.server(t, middleware.Policy()))), "hello")
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonAudienceMismatch)
		if lines := w.log.lines("auth.subject=alice", "auth.reason=AUDIENCE_MISMATCH", "auth.refused_by=A", lastOf(kind.method)); len(lines) != 1 {
			t.Errorf("%s: %d lines:\n%s", kind.name, len(lines), w.log)
		}
	}
}

// TestWhatReachesTheLoggingInterceptor is why addCaller does it as it does.
func TestWhatReachesTheLoggingInterceptor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []logging.Option
		after   func(ctx context.Context) context.Context // auth
		reaches bool
	}{
		"WithFieldsFromContext": {
			options: []logging.Option{logging.WithFieldsFromContext(subject)},
			after:   func(ctx context.Context) context.Context { return ctx },
		},
		"InjectFields": {
			after: func(ctx context.Context) context.Context { return logging.InjectFields(ctx, subject(ctx)) },
		},
		"AddFields": {
			after: func(ctx context.Context) context.Context {
				logging.AddFields(ctx, subject(ctx))
				return ctx
			},
			reaches: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			decide := w.server(t, middleware.Policy()).AuthFunc()
			lines := logging.LoggerFunc(func(_ context.Context, _ logging.Level, _ string, fields ...any) {
				_, _ = fmt.Fprintln(w.log, fields...)
			})
			decideAndTell := func(ctx context.Context) (context.Context, error) {
				ctx, err := decide(ctx)
				if err != nil {
					return nil, err
				}
				return test.after(ctx), nil
			}
			orders := client(t, new(service), []grpc.ServerOption{grpc.ChainUnaryInterceptor(
				logging.UnaryServerInterceptor(lines, test.options...), auth.UnaryServerInterceptor(decideAndTell),
			)})
			if err := callUnary(sending(t, bearing(w)...), orders, "hello"); err != nil {
				t.Fatal(err)
			}
			if reaches := len(w.log.lines("subject alice")) > 0; reaches != test.reaches {
				t.Errorf("reaches the log: %v, want %v", reaches, test.reaches)
			}
		})
	}
}

// subject is what handlers could tell a log.
func subject(ctx context.Context) logging.Fields {
	caller, ok := token.FromContext(ctx)
	if !ok {
		return nil
	}
	return logging.Fields{"subject", caller.Subject()}
}

// lastOf is the last part of a method's full name, as the log has it.
func lastOf(method string) string {
	return "grpc.method=" + method[strings.LastIndex(method, "/")+1:] + " "
}
