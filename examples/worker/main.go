// Worker is background work: calls that no user waits for. It comes in two
// kinds, and both have to say who is asking.
//
//	go -C examples run ./worker
//
// plays all of it on loopback, with TLS and an identity provider of its own,
// tells what happened, and ends with status 0 only if it happened as it says.
//
// # A cron job, for nobody
//
// There is no user whose token could be relayed, so the service calls as itself:
// interceptor.Otherwise(creds), where creds get a token by OAuth 2.0 client
// credentials, keep it until shortly before it ends, and want TLS. See
// credential.go and cron.go. The service is then a caller like any other; what
// it may do is what the issuer gives it. Give it little: it is not "admin".
//
// # A job for a user
//
// The desk (desk.go) takes a job while the user is there, and the consumer
// (consumer.go) does it when the user has gone. In between the job keeps the
// user's token, and not just their name. A name in a queue proves nothing: who
// can write to the queue could be anybody, and each service behind would have to
// believe the worker. The token is the proof that the user asked. The consumer
// verifies it again when the work is done, puts it into the context of the work,
// which ends with it, and the relay takes it along. Every service that is called
// verifies it once more.
//
// A queue of tokens is a database of credentials. So the token is sealed
// (sealer.go), bound to the very job, deleted with it, and not kept with dead
// letters. That leaves the worker's key to be guarded, and those who hold it.
// The desk need not: with crypto/hpke it could seal for the worker alone.
//
// What becomes of a job (outcome.go):
//
//   - Its token has ended, or was revoked: it is not done. It becomes a dead
//     letter that says so, and its owner can be asked again.
//   - There is an outage, of the keys or of the service that is called: it waits,
//     with growing pauses, and nothing is lost. What ends the waiting is the
//     token: there is no count of attempts.
//   - Anything else refused it: a dead letter too, for somebody to look at.
//
// Jobs may be done twice, as with any queue: the called service should look at
// the job's id.
//
// # When jobs wait longer than tokens live
//
// A stored token ends, and that is what it is for: stolen, it is worth minutes.
// So this way is for queues that are shorter than tokens live. Don't have the
// issuer make tokens that live for days, and don't let the service do what users
// may not do alone, with their name as an argument: both undo what a token is
// for. Instead, one of these:
//
//   - The user consents to offline access (the scope offline_access of OpenID
//     Connect), and the job keeps the refresh token. The consumer redeems it when
//     the work is done, and verifies the new access token as it does the old one
//     here. A refresh token lives long: seal it no less, and revoke it with the job.
//   - The issuer exchanges the user's token for another (RFC 8693), while it is
//     valid: one that lives longer and may do less, for this work alone, and may
//     name the worker as who acts ("act"). The desk exchanges it before it queues
//     the job; or the consumer's client gets one per call, by
//     interceptor.WithSource.
//   - The user is asked again. For what is costly, that may be right anyway.
//
// # Where things are
//
// Yours to copy: credential.go and cron.go; desk.go, job.go, sealer.go, queue.go,
// consumer.go and outcome.go; dial.go and worker.go, where both come together.
// memory.go is a queue for an example: yours plugs in at Queue. All the rest
// plays the scenes.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/worker/scenery"
)

// playLimit is how long all of it may take at most.
const playLimit = time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main, with what a test wants to choose. It returns the exit status: 0
// only if all was as it says, 1 with the log on stderr if not, 2 if there were
// arguments.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		_, _ = fmt.Fprintln(stderr, "worker: takes no arguments")
		return 2
	}
	log := new(scenery.Record)
	if err := play(ctx, newStage(stdout, log)); err != nil {
		_, _ = fmt.Fprintf(stderr, "%s\nworker: %v\n", log, err)
		return 1
	}
	return 0
}

// play plays all scenes. Whatever happens, nothing is left running.
func play(ctx context.Context, s *stage) error {
	ctx, cancel := context.WithTimeout(ctx, playLimit)
	defer cancel()
	defer s.close()
	s.Line("Work that no user waits for, and who the called service says it was done by.")
	if err := s.open(ctx); err != nil {
		return s.End(err)
	}
	for _, scene := range scenes() {
		if err := scene(ctx, s); err != nil {
			return s.End(err)
		}
	}
	return s.End(nil)
}
