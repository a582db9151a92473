package main

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// wirings are the two ways to connect the two kinds of work.
var wirings = []struct {
	name   string
	change func(w *world) func(*worker)
}{
	{"two connections", func(*world) func(*worker) { return nil }},
	{"one connection", func(w *world) func(*worker) {
		return func(worker *worker) {
			own := must(newOwnCredential(w.t.Context(), w.config().own, w.http()))
			both := must(dialAsItself("passthrough:///archive", w.options, w.logger, own))
			worker.closers = append(worker.closers, both.Close)
			worker.cron.do, worker.consumer.do = report(both), export(both)
		}
	}},
}

// inBubble runs test in time that costs nothing, for both wirings.
func inBubble(t *testing.T, test func(w *world, start func() (stop func()))) {
	t.Helper()
	for _, wiring := range wirings {
		t.Run(wiring.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				test(w, func() func() { return w.start(wiring.change(w)) })
			})
		})
	}
}

// TestEveryoneAsThemselves has cron job and users' jobs at the same time, for
// hours.
func TestEveryoneAsThemselves(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *world, start func() func()) {
		defer start()()
		tokens := make(map[string]string) // by message
		for i := range 100 {
			user := fmt.Sprint("user", i%7)
			job, raw := w.ask(user, 15*time.Minute)
			tokens[taskOf(job)] = token.Fingerprint(raw)
			time.Sleep(time.Duration(i) * 3 * time.Second)
		}
		synctest.Wait()
		for _, job := range w.queue.put {
			w.wantVisits(taskOf(job), job.Owner.Subject, 1)
			if got := w.archive.Of(taskOf(job)); got[0].Fingerprint != tokens[taskOf(job)] {
				w.t.Errorf("job %s was not done with its own token", job.ID)
			}
		}
		reports := w.archive.Of(reportTask)
		w.wantVisits(reportTask, workerName, 25) // 4 h 7.5 min, one every 10 minutes
		for _, visit := range reports {
			for _, fingerprint := range tokens {
				if visit.Fingerprint == fingerprint {
					w.t.Error("a report was made with a user's token")
				}
			}
		}
		if left := w.queue.jobs(); len(left) > 0 {
			w.t.Errorf("%d jobs are left", len(left))
		}
	})
}

func TestAJobWhoseTokenHasEndedIsNotDone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *world, start func() func()) {
		job, _ := w.ask("bob", 15*time.Minute)
		time.Sleep(time.Hour)
		defer start()()
		synctest.Wait()
		w.wantVisits(taskOf(job), "", 0)
		want := Outcome{Fate: Dead, Reason: string(token.ReasonExpired)}
		if got := w.queue.of(job.ID); len(got) != 1 || got[0] != want || !got[0].NeedsUser() {
			w.t.Errorf("got %+v", got)
		}
		dead := w.queue.deadLetters()
		if len(dead) != 1 || dead[0].Job.Owner.Subject != "bob" || dead[0].Job.Sealed != nil {
			w.t.Errorf("got %+v", dead)
		}
	})
}

// TestOutages has jobs that wait until an outage is over, and the report that
// has to be made as the service all the same.
func TestOutages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		begin, end func(w *world)
		reason     string
	}{
		"the archive": {
			func(w *world) { w.line.Cut() }, func(w *world) { w.line.Mend() }, "Unavailable",
		},
		"the issuer, before there are keys": {
			func(w *world) { w.issuer.Away.Store(true) }, func(w *world) { w.issuer.Away.Store(false) }, "KEYS_UNAVAILABLE",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *world, start func() func()) {
				test.begin(w)
				defer start()()
				alice, _ := w.ask("alice", time.Hour)
				bob, _ := w.ask("bob", time.Minute) // too short for this outage
				time.Sleep(15 * time.Minute)
				w.wantVisits(taskOf(alice), "", 0)
				w.wantVisits(reportTask, "", 0)
				test.end(w)
				time.Sleep(10 * time.Minute)
				w.wantVisits(taskOf(alice), "alice", 1)
				w.wantVisits(reportTask, workerName, 1)
				w.wantVisits(taskOf(bob), "", 0)
				w.wantWaited(alice, test.reason, Outcome{Fate: Done})
				w.wantWaited(bob, test.reason, Outcome{Fate: Dead, Reason: string(token.ReasonExpired)})
			})
		})
	}
}

// wantWaited checks that a job was tried, and tried again, for a reason and
// with pauses that grow, until the last time.
func (w *world) wantWaited(job Job, reason string, last Outcome) {
	w.t.Helper()
	outcomes := w.queue.of(job.ID)
	if len(outcomes) < 4 || len(outcomes) > 60 {
		w.t.Fatalf("%d attempts", len(outcomes))
	}
	waits := outcomes[:len(outcomes)-1]
	if !allLater(waits, reason) {
		w.t.Errorf("got %+v, want %s", waits, reason)
	}
	if first, longest := waits[0].After, slices.MaxFunc(waits, byAfter).After; first > 2*time.Second || longest < 4*first {
		w.t.Errorf("the pauses are %v at first and %v at most", first, longest)
	}
	if got := outcomes[len(outcomes)-1]; got != last {
		w.t.Errorf("got %+v in the end, want %+v", got, last)
	}
}

func byAfter(a, b Outcome) int { return int(a.After - b.After) }

func TestAStoppedWorkerGivesItsJobBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		job, _ := w.ask("alice", time.Hour)
		stop := w.start(func(worker *worker) { worker.consumer.do = hang })
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took > 0 {
			t.Errorf("stopping took %v", took)
		}
		if got := w.queue.of(job.ID); len(got) != 1 || got[0] != (Outcome{Fate: Later, Reason: reasonStopping}) {
			t.Errorf("got %+v", got)
		}
		defer w.start(nil)()
		synctest.Wait()
		w.wantVisits(taskOf(job), "alice", 1)
	})
}

// TestAMistakeIsNotMadeAsTheService has work that forgets whose it is: it has no
// credential to fall back on.
func TestAMistakeIsNotMadeAsTheService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		worker := must(newWorker(t.Context(), w.config(), w.queue))
		defer func() { _ = worker.close() }()
		err := worker.consumer.do(t.Context(), Job{Task: "export"})
		if refusal, _ := interceptor.RefusalFrom(err); refusal.Reason != token.ReasonMissing || refusal.Hop != workerName {
			t.Errorf("got %v", err)
		}
		if visits := w.archive.All(); len(visits) > 0 || w.issuer.Granted() > 0 {
			t.Errorf("the archive was called as %v", visits)
		}
	})
}

func TestAWorkerThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*config){
		"a short key":           func(c *config) { c.sealKey = c.sealKey[:16] },
		"secrets by http":       func(c *config) { c.own.tokenURL = "http://id.example.com/token" },
		"no token endpoint":     func(c *config) { c.own.tokenURL = "" },
		"keys by http":          func(c *config) { c.jwks = "http://id.example.com/jwks.json" },
		"no audience":           func(c *config) { c.audience = "" },
		"no transport security": func(c *config) { c.options = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				config := w.config()
				change(&config)
				if worker, err := newWorker(t.Context(), config, w.queue); err == nil || worker != nil {
					t.Errorf("got %v, %v", worker, err)
				}
			})
		})
	}
}
