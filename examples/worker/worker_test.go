package main

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// inBubble runs test in time that costs nothing, for both ways to connect the
// two kinds of work.
func inBubble(t *testing.T, test func(w *world)) {
	t.Helper()
	for name, change := range map[string]func(*worker){
		"two connections": func(*worker) {},
		"one connection":  func(w *worker) { w.consumer.do = export(w.itself) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				change(w.worker)
				test(w)
			})
		})
	}
}

// TestEveryoneAsThemselves has cron job and users' jobs at the same time, for
// hours.
func TestEveryoneAsThemselves(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *world) {
		defer w.startArchive()()
		defer startWorker(w.t.Context(), w.worker)()
		var orders []order
		for i := range 100 {
			orders = append(orders, w.ask(w.t.Context(), fmt.Sprint("user", i%7), 15*time.Minute))
			time.Sleep(time.Duration(i) * 3 * time.Second)
		}
		synctest.Wait()
		for _, o := range orders {
			if !w.doneAs(o) {
				w.t.Errorf("the job of %s was not done once, with its own token", o.user)
			}
		}
		w.wantVisits(reportTask, workerName, 25) // 4 h 7.5 min, one every 10 minutes
	})
}

// TestAnOutage has a job that waits until the archive is back, another whose
// token does not last that long, and the report, which is made as the service
// all the same.
func TestAnOutage(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *world) {
		w.startArchive()()
		stop := startWorker(w.t.Context(), w.worker)
		alice, bob := w.ask(w.t.Context(), "alice", time.Hour), w.ask(w.t.Context(), "bob", time.Minute)
		time.Sleep(15 * time.Minute)
		defer w.startArchive()()
		time.Sleep(10 * time.Minute)
		stop()
		w.wantVisits(alice.message(), "alice", 1)
		w.wantVisits(reportTask, workerName, 1)
		w.wantVisits(bob.message(), "", 0)
		w.wantWaited(alice, "Unavailable", Outcome{Fate: Done})
		w.wantWaited(bob, "Unavailable", dead("TOKEN_EXPIRED"))
		if dead := w.queue.deadLetters(); len(dead) != 1 || dead[0].Owner.Subject != "bob" || dead[0].Sealed != nil {
			w.t.Errorf("got %+v", dead)
		}
	})
}

// TestNoKeys has a worker that starts while the issuer is away.
func TestNoKeys(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *world) {
		defer w.startArchive()()
		w.issuer.Fail(http.StatusServiceUnavailable)
		keys := must(keyset.Fetch(w.issuer.JWKSURL(), keyset.RemoteConfig{Client: w.issuer.Client(), Logger: w.logger}))
		defer func() { _ = keys.Close() }()
		w.worker.consumer.verifier = must(token.NewVerifier([]token.Issuer{
			{URL: w.issuer.URL(), Audiences: w.issuer.Audience(), Keys: keys},
		}))
		defer startWorker(w.t.Context(), w.worker)()
		alice := w.ask(w.t.Context(), "alice", time.Hour)
		time.Sleep(15 * time.Minute)
		w.issuer.Recover()
		time.Sleep(10 * time.Minute)
		w.wantVisits(alice.message(), "alice", 1)
		w.wantWaited(alice, "KEYS_UNAVAILABLE", Outcome{Fate: Done})
	})
}

// wantWaited checks that a job was tried, and tried again, for a reason, but
// not all the time, until the last time.
func (w *world) wantWaited(o order, reason string, last Outcome) {
	w.t.Helper()
	outcomes := w.queue.of(o.id)
	if len(outcomes) < 4 || len(outcomes) > 60 {
		w.t.Fatalf("%d attempts", len(outcomes))
	}
	waits := outcomes[:len(outcomes)-1]
	if !allLater(waits, reason) {
		w.t.Errorf("got %+v, want %s", waits, reason)
	}
	if got := outcomes[len(outcomes)-1]; got != last {
		w.t.Errorf("got %+v in the end, want %+v", got, last)
	}
}

func TestAStoppedWorkerGivesItsJobBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.startArchive()()
		alice, work := w.ask(t.Context(), "alice", time.Hour), w.worker.consumer.do
		w.worker.consumer.do = hang
		stop := startWorker(t.Context(), w.worker)
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took > 0 {
			t.Errorf("stopping took %v", took)
		}
		if got := w.queue.of(alice.id); len(got) != 1 || got[0] != (Outcome{Fate: Later, Reason: reasonStopping}) {
			t.Errorf("got %+v", got)
		}
		w.worker.consumer.do = work
		defer startWorker(t.Context(), w.worker)()
		synctest.Wait()
		w.wantVisits(alice.message(), "alice", 1)
	})
}
