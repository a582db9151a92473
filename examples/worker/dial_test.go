package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestWhoseCallItIs has every context on both connections. Where a user is, or
// should be, the service is not; where there is none, no user is.
func TestWhoseCallItIs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ctx           func(ctx context.Context, alice *token.Token) context.Context
		users, itself string // subject that the archive verified, or reason of the refusal
	}{
		"a user's":          {token.NewContext, "alice", "alice"},
		"nobody's, as yet":  {func(ctx context.Context, _ *token.Token) context.Context { return token.NewContext(ctx, nil) }, "TOKEN_MISSING by worker", "TOKEN_MISSING by worker"},
		"the program's own": {func(ctx context.Context, _ *token.Token) context.Context { return ctx }, "TOKEN_MISSING by worker", workerName},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				alice := must(w.verifier().Verify(t.Context(), must(w.issuer.Sign("alice", time.Hour))))
				own := must(newOwnCredential(t.Context(), w.config().own, w.http()))
				for message, c := range map[string]struct {
					conn *grpc.ClientConn
					want string
				}{
					"users":  {must(dialForUsers("passthrough:///archive", w.options, w.logger)), test.users},
					"itself": {must(dialAsItself("passthrough:///archive", w.options, w.logger, own)), test.itself},
				} {
					err := export(c.conn)(test.ctx(t.Context(), alice), Job{Task: message})
					if got := w.whoCalled(taskOf(Job{Task: message}), err); got != c.want {
						t.Errorf("%s: got %s, want %s", message, got, c.want)
					}
					_ = c.conn.Close()
				}
			})
		})
	}
}

// whoCalled returns whom the archive saw, or why nobody.
func (w *world) whoCalled(message string, err error) string {
	refusal, _ := interceptor.RefusalFrom(err)
	visits := w.archive.Of(message)
	switch {
	case err == nil && len(visits) == 1:
		return visits[0].Subject
	case len(visits) == 0:
		return string(refusal.Reason) + " by " + refusal.Hop
	default:
		return "both"
	}
}

// TestNothingGoesOutInTheClear has a connection without TLS: neither a user's
// token nor the service's own is sent, and the latter is not even asked for.
func TestNothingGoesOutInTheClear(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		arrived, options := plaintext(t)
		alice := must(w.verifier().Verify(t.Context(), must(w.issuer.Sign("alice", time.Hour))))
		own := must(newOwnCredential(t.Context(), w.config().own, w.http()))
		for name, test := range map[string]struct {
			conn   *grpc.ClientConn
			caller *token.Token
		}{
			"a user's": {must(dialForUsers("passthrough:///plain", options, w.logger)), alice},
			"the own":  {must(dialAsItself("passthrough:///plain", options, w.logger, own)), nil},
		} {
			ctx := t.Context()
			if test.caller != nil {
				ctx = token.NewContext(ctx, test.caller)
			}
			err := report(test.conn)(ctx)
			if refusal, _ := interceptor.RefusalFrom(err); refusal.Reason != interceptor.ReasonRelayInsecure {
				t.Errorf("%s: got %v", name, err)
			}
			_ = test.conn.Close()
		}
		if *arrived > 0 || w.issuer.Granted() > 0 {
			t.Errorf("%d calls arrived, %d tokens were asked for", *arrived, w.issuer.Granted())
		}
	})
}

// plaintext starts a server without TLS that counts what arrives.
func plaintext(t *testing.T) (arrived *int, options []grpc.DialOption) {
	t.Helper()
	arrived = new(int)
	listener, dialer := pipe()
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
		*arrived++
		return status.Error(codes.Unimplemented, "")
	}))
	serve(t, server, listener)
	return arrived, []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials()), dialer}
}
