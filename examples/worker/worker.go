package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

const (
	workerName = "worker"            // this service's name in refusals
	reportTask = "report of the day" // what the cron job asks the archive for
)

// config is what a worker needs.
type config struct {
	archive string            // address of the service that it calls
	options []grpc.DialOption // TLS, and other interceptors

	own      credentials.PerRPCCredentials // see newOwnCredential
	verifier *token.Verifier               // the worker's own: that the desk verified is long ago
	sealer   *sealer

	every  time.Duration // cron job
	limit  time.Duration // of one attempt at either kind of work
	pauses backoff
	logger *slog.Logger
}

// worker does work in the background: a cron job as the service itself, and
// the queue's jobs as the users who asked for them.
type worker struct {
	itself, users *grpc.ClientConn
	cron          cron
	consumer      consumer
}

// newWorker returns a worker. It calls nobody yet, so that neither the issuer
// nor the archive need to be there. Call close when done.
func newWorker(config config, queue Queue) (*worker, error) {
	itself, err := dialAsItself(config.archive, config.options, config.logger, config.own)
	if err != nil {
		return nil, err
	}
	users, err := dialForUsers(config.archive, config.options, config.logger)
	if err != nil {
		return nil, errors.Join(err, itself.Close())
	}
	return &worker{
		itself: itself,
		users:  users,
		cron:   cron{every: config.every, limit: config.limit, do: report(itself), logger: config.logger},
		consumer: consumer{
			queue: queue, sealer: config.sealer, verifier: config.verifier, do: export(users),
			limit: config.limit, pauses: config.pauses, logger: config.logger,
		},
	}, nil
}

// run works until ctx ends, and returns when everything has come to rest.
func (w *worker) run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { w.cron.run(ctx) })
	running.Go(func() { w.consumer.run(ctx) })
	running.Wait()
}

// close releases what the worker owns. run must have returned.
func (w *worker) close() error { return errors.Join(w.itself.Close(), w.users.Close()) }

// report is the cron job's work.
func report(conn *grpc.ClientConn) func(context.Context) error {
	return func(ctx context.Context) error { return call(ctx, conn, reportTask) }
}

// export is the work of users' jobs.
func export(conn *grpc.ClientConn) func(context.Context, Job) error {
	return func(ctx context.Context, job Job) error { return call(ctx, conn, taskOf(job)) }
}

// call calls the archive, as whoever the context and the connection say.
func call(ctx context.Context, conn *grpc.ClientConn, message string) error {
	_, err := echov1.NewEchoServiceClient(conn).Echo(ctx, &echov1.EchoRequest{Message: message})
	return err
}

// taskOf names the job as well, so that the archive can tell a job that is
// repeated from another one.
func taskOf(job Job) string { return fmt.Sprintf("%s (job %s)", job.Task, job.ID) }
