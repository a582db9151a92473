package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// story is what is told of a stage, and checked.
type story struct {
	*stage
	w      io.Writer
	failed bool
}

// play plays all scenes. The cron job goes on all the while.
func (s *story) play(ctx context.Context, w *worker) {
	stopArchive, stopWorker := s.startArchive(), startWorker(ctx, w)
	s.playReport(ctx)
	s.playExport(ctx)
	stopWorker()
	stopWorker = s.playEnded(ctx, w)
	stopArchive()
	stopArchive = s.playOutage(ctx)
	stopWorker()
	stopArchive()
	s.check(s.ownReports(), "to the end no report was made with a user's token")
}

func (s *story) playReport(ctx context.Context) {
	s.say("\n1. A cron job, for nobody: the service's own credential")
	s.await(ctx, "three reports", func() bool { return len(s.archive.of(reportTask)) >= 3 })
	s.check(s.ownReports(), "the archive saw the service, %s, each time", workerName)
	s.check(s.endpoint.given.Load() == 1, "with one token, by client credentials, asked for once and kept")
}

func (s *story) playExport(ctx context.Context) {
	s.say("\n2. A job for alice: her own token, sealed in the queue")
	alice := s.ask(ctx, "alice", time.Hour)
	s.awaitEnd(ctx, alice)
	s.check(s.doneAs(alice), "done: the archive saw alice, and her very token")
}

func (s *story) playEnded(ctx context.Context, w *worker) (stopWorker func()) {
	s.say("\n3. A job that waits longer than bob's token lives: the worker is stopped")
	bob := s.ask(ctx, "bob", time.Second)
	s.await(ctx, "the token's end", func() bool { _, err := s.verifier.Verify(ctx, bob.raw); return err != nil })
	stopWorker = startWorker(ctx, w)
	end := s.awaitEnd(ctx, bob)
	s.check(end.NeedsUser(), "dead letter: %s, needs the user again", end.Reason)
	dead := s.queue.deadLetters()
	s.check(len(dead) == 1 && dead[0].Owner.Subject == "bob" && dead[0].Sealed == nil, "it says whom to ask, and holds no token")
	s.check(len(s.archive.of(bob.message())) == 0, "the archive was not called for it, not as the service either")
	return stopWorker
}

func (s *story) playOutage(ctx context.Context) (stopArchive func()) {
	s.say("\n4. A job for carol while the archive is away")
	carol := s.ask(ctx, "carol", time.Hour)
	s.await(ctx, "three tries", func() bool { return len(s.queue.of(carol.id)) >= 3 })
	s.check(allLater(s.queue.of(carol.id), "Unavailable"), "each try ended with Unavailable, and lost nothing")
	stopArchive = s.startArchive()
	s.awaitEnd(ctx, carol)
	s.check(s.doneAs(carol), "then done: the archive saw carol, and her very token")
	return stopArchive
}

// say writes a line. What can't be written, nobody wanted to read.
func (s *story) say(format string, args ...any) { _, _ = fmt.Fprintf(s.w, format+"\n", args...) }

// check writes what should hold, and whether it does.
func (s *story) check(holds bool, format string, args ...any) {
	verdict := "ok    "
	if !holds {
		verdict, s.failed = "FAILED", true
	}
	s.say("   "+verdict+"  "+format, args...)
}

// await waits for something.
func (s *story) await(ctx context.Context, what string, happened func() bool) {
	for ctx.Err() == nil && !happened() {
		time.Sleep(10 * time.Millisecond)
	}
	if ctx.Err() != nil {
		s.check(false, "waiting for %s: %v", what, context.Cause(ctx))
	}
}

// awaitEnd waits until a job is done, or dead.
func (s *story) awaitEnd(ctx context.Context, o order) (end Outcome) {
	s.await(ctx, o.user+"'s job", func() bool {
		outcomes := append([]Outcome{{Fate: Later}}, s.queue.of(o.id)...)
		end = outcomes[len(outcomes)-1]
		return end.Fate != Later
	})
	return end
}

// order is what a user has asked for.
type order struct{ user, id, raw string }

// message is what the archive is called with for it.
func (o order) message() string { return taskOf(Job{ID: o.id, Task: "export"}) }

// ask has a user ask the desk, with a token that lives that long.
func (s *story) ask(ctx context.Context, user string, life time.Duration) order {
	raw := s.issuer.Token(jwttest.Subject(user), jwttest.ExpiresIn(life))
	caller, _ := s.verifier.Verify(ctx, raw) // as the desk's interceptor does
	d := &desk{inbox: s.queue, sealer: s.sealer, logger: s.logger}
	response, err := d.Echo(token.NewContext(ctx, caller), &echov1.EchoRequest{Message: "export"})
	if err != nil {
		s.check(false, "%s: %v", user, err)
	}
	return order{user, response.GetMessage(), raw}
}

// doneAs reports whether the archive was called for the order just once, with
// the very token of its user.
func (s *stage) doneAs(o order) bool {
	want := visit{o.message(), o.user, token.Fingerprint(o.raw)}
	return slices.Equal(s.archive.of(o.message()), []visit{want})
}

// ownReports reports whether all reports were made as the service itself.
func (s *stage) ownReports() bool {
	return !slices.ContainsFunc(s.archive.of(reportTask), func(v visit) bool { return v.subject != workerName })
}

// allLater reports whether all outcomes are the same: to try again.
func allLater(outcomes []Outcome, reason string) bool {
	return !slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Fate != Later || o.Reason != reason })
}

// startWorker starts a worker, for the first time or again.
func startWorker(ctx context.Context, w *worker) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	return start(func() { w.run(ctx) }, cancel)
}
