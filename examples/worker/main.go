// Worker is background work: calls that no user waits for. It comes in two
// kinds, and both have to say who is asking.
//
//	go -C examples run ./worker
//
// plays all of it in memory, with TLS and an identity provider of its own, tells
// what happened, and ends with status 0 only if it happened as it says.
//
// A cron job is for nobody. There is no token to relay, so the service calls as
// itself, by interceptor.Otherwise: with a token by OAuth 2.0 client credentials,
// which is kept until shortly before it ends. It may do what the issuer lets
// it. Let it do little: it is not "admin".
//
// A job is for a user. The desk takes it while the user is there, and the
// consumer does it when they have gone. In between the job keeps the user's
// token, and not just their name, which proves nothing: who can write to the
// queue could be anybody. The consumer verifies the token again and puts it into
// the context of the work, which ends with it. The relay takes it along, and
// every service that is called verifies it once more.
//
// A queue of tokens is a database of credentials. So the token is sealed, bound
// to the very job, deleted with it, and not kept with dead letters.
//
//   - If it has ended, or was revoked, the job becomes a dead letter that says
//     so, and its owner can be asked again.
//   - In an outage, of the keys or of the service that is called, the job waits,
//     with growing pauses. The token ends the waiting, not a count of attempts.
//   - If anything else refused it, it is a dead letter for somebody to look at.
//
// Where jobs wait longer than tokens live, don't have the issuer make tokens for
// days, and don't let the service do as it likes with a user's name for an
// argument. Have the user consent to offline access, and seal the refresh token;
// or have the desk exchange the token (RFC 8693) for one that lives longer and
// may do less, or the relay, by interceptor.WithSource; or ask the user again.
//
// Yours to copy: credential.go and cron.go; desk.go, job.go, sealer.go, queue.go,
// consumer.go and outcome.go; dial.go and worker.go, where both come together.
// The rest plays the scenes.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var log bytes.Buffer
	if err := run(ctx, os.Stdout, &log); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "%s\nworker: %v\n", &log, err)
		os.Exit(1)
	}
}

// run plays everything, for 20 seconds at most. The error is nil only if all
// was as it says.
func run(ctx context.Context, stdout, log io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	stage, err := newStage(log)
	if err != nil {
		return err
	}
	w, err := stage.newWorker(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = w.close() }()
	s := story{stage: stage, w: stdout}
	s.say("Work that no user waits for, and whom the archive saw, which verifies every token.")
	if s.play(ctx, w); s.failed {
		return fmt.Errorf("not everything was as it should be")
	}
	s.say("\nAll of it was as it says.")
	return nil
}
