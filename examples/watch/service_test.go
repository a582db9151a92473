package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	watchv1 "github.com/jwtrelay/jwtrelay/examples/gen/watch/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestPositionsThatCanNotBeHad has what a caller learns of them, over the wire.
func TestPositionsThatCanNotBeHad(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after  uint64
		reason string
	}{"too old": {3, tooOld}, "of before the service lost all": {99, tooOld}, "not yet": {1009, ahead}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.stop()
				w.journal = newJournal(5, 1000) // it begins above all that was given before
				for range 8 {
					w.journal.add("something")
				}
				w.start()
				last, err := w.run(test.after, time.Hour)
				if last != test.after || status.Code(err) != codes.OutOfRange || len(w.seen.numbers) > 0 {
					t.Errorf("it ended after %d: %v", last, err)
				}
				for _, detail := range status.Convert(err).Details() {
					info, _ := detail.(*errdetails.ErrorInfo)
					if info.GetReason() != test.reason || info.GetMetadata()["oldest"] != "1003" || info.GetMetadata()["newest"] != "1008" {
						t.Errorf("told %v", info)
					}
				}
				if len(status.Convert(err).Details()) != 1 {
					t.Errorf("told %v", status.Convert(err).Details())
				}
				if last, err = w.run(1003, time.Hour); last != 1008 {
					t.Errorf("from the oldest position it went to %d: %v", last, err)
				}
			})
		})
	}
}

// TestNobodyWatchesWithoutAToken has a caller whose connection sends none.
func TestNobodyWatchesWithoutAToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.journal.add("a secret")
		conn := must(grpc.NewClient("passthrough:///changes", w.toService()...))
		defer func() { _ = conn.Close() }()
		stream := must(watching(conn)(t.Context(), 0))
		change, err := stream.Recv()
		if change != nil || status.Code(err) != codes.Unauthenticated {
			t.Errorf("got %v, %v", change, err)
		}
		wantRefused(t, err, token.ReasonMissing)
	})
}

// TestWithoutAnInterceptorNobodyIsServed has a service that was wired up wrongly.
func TestWithoutAnInterceptorNobodyIsServed(t *testing.T) {
	t.Parallel()
	err := (&service{journal: newJournal(1, 0)}).Watch(new(watchv1.WatchRequest), nobodys{})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("got %v", err)
	}
}

// nobodys is a stream of which it isn't known whose it is.
type nobodys struct {
	grpc.ServerStreamingServer[watchv1.WatchResponse]
}

func (nobodys) Context() context.Context { return context.Background() }

// TestAStreamOpensBeforeAnythingHappens has a caller who is let in to wait.
func TestAStreamOpensBeforeAnythingHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		header, err := must(w.watcher.Open(ctx, 0)).Header()
		if header == nil || err != nil {
			t.Errorf("got %v, %v", header, err)
		}
	})
}

// TestNothingGoesOutInTheClear has a connection without TLS.
func TestNothingGoesOutInTheClear(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		conn := must(dial("passthrough:///plain", w.session.credential, append(w.toService(), grpc.WithTransportCredentials(insecure.NewCredentials())), w.logger))
		defer func() { _ = conn.Close() }()
		// A service that takes anything, in place of the one with TLS.
		arrived := 0
		w.stop()
		stop := w.startPlain(func(any, grpc.ServerStream) error { arrived++; return nil })
		defer stop()
		w.watcher.Open = watching(conn)
		_, err := w.run(0, time.Hour)
		wantRefused(t, err, interceptor.ReasonRelayInsecure)
		if arrived > 0 {
			t.Errorf("%d calls arrived", arrived)
		}
	})
}
