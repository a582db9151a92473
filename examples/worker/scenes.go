package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/worker/scenery"
	"github.com/jwtrelay/jwtrelay/token"
)

// long and short are how long tokens live. A short one is there to end.
const (
	long  = 15 * time.Minute
	short = 3 * time.Second
)

// scenes are played one after the other. The cron job runs all the while.
func scenes() []func(context.Context, *stage) error {
	return []func(context.Context, *stage) error{
		playReport, playExport, playEnded, playArchiveAway, playIssuerAway, playAccount,
	}
}

func playReport(ctx context.Context, s *stage) error {
	s.Scene("A cron job, for nobody: the service's own credential")
	if err := s.startWorker(ctx); err != nil {
		return err
	}
	reports := func() []scenery.Visit { return s.archive.Of(reportTask) }
	if err := until(ctx, "three reports", func() bool { return len(reports()) >= 3 }); err != nil {
		return err
	}
	got := reports()
	s.Say("The report was made %d times. The archive verified %s.", len(got), got[0].Subject)
	s.Check(allAs(got, workerName), "each report was made as the service %s", workerName)
	s.Check(s.issuer.Granted() == 1, "with one token, by client credentials, asked for once and kept")
	return nil
}

func playExport(ctx context.Context, s *stage) error {
	s.Scene("A job for alice: her own token, sealed in the queue")
	alice, err := s.ask(ctx, "alice", long)
	if err != nil {
		return err
	}
	s.Say("alice asks for an export and leaves. Her token is %s.", token.Fingerprint(alice.raw))
	job := s.queue.job(alice.id)
	s.Check(!shows(fmt.Sprintf("%s %+v", job.Sealed, job), alice.raw), "who reads the queue can't read her token")
	if err := until(ctx, "alice's job", func() bool { return s.queue.last(alice.id).Fate == Done }); err != nil {
		return err
	}
	s.Check(s.onlyAs(alice), "done: the archive verified alice, and her very token")
	return nil
}

func playEnded(ctx context.Context, s *stage) error {
	s.Scene("A job that waits longer than bob's token lives")
	s.stopWorker()
	bob, err := s.ask(ctx, "bob", short)
	if err != nil {
		return err
	}
	s.Say("The worker is stopped. bob asks for an export; his token lives for %v. The worker starts after that.", short)
	over := time.Now().Add(short)
	if err := until(ctx, "the end of bob's token", func() bool { return time.Now().After(over) }); err != nil {
		return err
	}
	if err := s.startWorker(ctx); err != nil {
		return err
	}
	if err := until(ctx, "bob's job", func() bool { return s.queue.last(bob.id).Fate != "" }); err != nil {
		return err
	}
	outcome := s.queue.last(bob.id)
	s.Check(outcome.Reason == string(token.ReasonExpired) && outcome.NeedsUser(), "dead letter: %s, needs the user again", outcome.Reason)
	s.Check(len(s.visits(bob)) == 0, "the archive was not called for it, not as the service either")
	dead := s.queue.deadLetters()
	s.Check(len(dead) == 1 && dead[0].Job.Owner.Subject == "bob" && dead[0].Job.Sealed == nil, "the dead letter says whom to ask, and holds no token")
	return nil
}

func playArchiveAway(ctx context.Context, s *stage) error {
	s.Scene("A job while the archive is away")
	s.line.Cut()
	carol, err := s.ask(ctx, "carol", long)
	if err != nil {
		return err
	}
	tries, err := s.outage(ctx, carol, s.line.Mend)
	if err != nil {
		return err
	}
	s.Say("carol's job was tried %d times, by a worker that finds nobody. Then the archive was back.", len(tries))
	s.Check(allLater(tries, "Unavailable"), "each try ended with Unavailable, and lost nothing")
	s.Check(s.onlyAs(carol), "done: the archive verified carol, and her very token")
	return nil
}

func playIssuerAway(ctx context.Context, s *stage) error {
	s.Scene("A worker that starts while the issuer is away")
	s.stopWorker()
	s.issuer.Away.Store(true)
	if err := s.startWorker(ctx); err != nil {
		return err
	}
	dave, err := s.ask(ctx, "dave", long) // the desk has its keys in memory
	if err != nil {
		return err
	}
	before := len(s.archive.Of(reportTask))
	var meanwhile int
	tries, err := s.outage(ctx, dave, func() {
		meanwhile = len(s.archive.Of(reportTask)) - before
		s.issuer.Away.Store(false)
	})
	if err != nil {
		return err
	}
	s.Say("dave's job was tried %d times, by a worker without keys. Then the issuer was back.", len(tries))
	s.Check(allLater(tries, string(token.ReasonKeysUnavailable)), "each try ended with %s, and lost nothing", token.ReasonKeysUnavailable)
	s.Check(s.onlyAs(dave), "done: the archive verified dave, and his very token")
	again := func() bool { return len(s.archive.Of(reportTask)) > before }
	if err := until(ctx, "another report", again); err != nil {
		return err
	}
	s.Check(meanwhile == 0, "no report meanwhile, for want of a token; now they go on")
	return nil
}
