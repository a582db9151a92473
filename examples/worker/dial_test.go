package main

import (
	"context"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

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
				defer w.startArchive()()
				ctx := test.ctx(t.Context(), w.alice())
				for name, c := range map[string]struct {
					do   func(context.Context, Job) error
					want string
				}{"users": {w.worker.consumer.do, test.users}, "itself": {export(w.worker.itself), test.itself}} {
					job := Job{Task: name}
					if got := w.whoCalled(taskOf(job), c.do(ctx, job)); got != c.want {
						t.Errorf("%s: got %s, want %s", name, got, c.want)
					}
				}
			})
		})
	}
}

// whoCalled returns whom the archive saw, or why nobody.
func (w *world) whoCalled(message string, err error) string {
	visits := w.archive.of(message)
	refusal, _ := interceptor.RefusalFrom(err)
	switch {
	case err == nil && len(visits) == 1:
		return visits[0].subject
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
		arrived := 0
		server := grpc.NewServer(grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { arrived++; return nil }))
		listener := bufconn.Listen(1 << 16)
		w.listener.Store(listener)
		defer start(func() { _ = server.Serve(listener) }, server.Stop)()
		options := append(w.toArchive(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		own := must(newOwnCredential(t.Context(), w.own(), w.endpoint))
		users, itself := must(dialForUsers("passthrough:///plain", options, w.logger)), must(dialAsItself("passthrough:///plain", options, w.logger, own))
		for conn, ctx := range map[*grpc.ClientConn]context.Context{
			users:  token.NewContext(t.Context(), w.alice()),
			itself: t.Context(),
		} {
			err := report(conn)(ctx)
			if refusal, _ := interceptor.RefusalFrom(err); refusal.Reason != interceptor.ReasonRelayInsecure {
				t.Errorf("got %v", err)
			}
			_ = conn.Close()
		}
		if n := w.endpoint.given.Load(); n > 0 || arrived > 0 {
			t.Errorf("%d calls arrived, %d tokens were asked for", arrived, n)
		}
	})
}
