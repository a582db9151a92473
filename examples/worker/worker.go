package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// workerName is this service's name in refusals.
const workerName = "worker"

// reportTask is what the cron job asks the archive for.
const reportTask = "report of the day"

// config is what a worker needs.
type config struct {
	archive string            // address of the service that it calls
	options []grpc.DialOption // TLS, and other interceptors

	issuer   string            // iss of the tokens, and
	audience string            // aud
	jwks     string            // URL of the issuer's keys
	leeway   time.Duration     // how far the issuer's clock may be off; 0 is not at all
	http     http.RoundTripper // for the issuer's keys, and the token endpoint

	own     ownConfig
	sealKey []byte

	every  time.Duration // cron job
	limit  time.Duration // of one attempt at either kind of work
	pauses backoff
	logger *slog.Logger
}

// worker does work in the background: a cron job as the service itself, and
// the queue's jobs as the users who asked for them.
type worker struct {
	keys     *keyset.Remote
	cron     cron
	consumer consumer
	closers  []func() error
}

// newWorker returns a worker. It calls nobody yet, so that neither the issuer
// nor the archive need to be there. ctx bounds its requests for tokens of its
// own. Call close when done.
func newWorker(ctx context.Context, config config, queue Queue) (*worker, error) {
	w := new(worker)
	if err := w.build(ctx, config, queue); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *worker) build(ctx context.Context, config config, queue Queue) error {
	sealer, err := newSealer(config.sealKey)
	if err != nil {
		return err
	}
	own, err := newOwnCredential(ctx, config.own, config.http)
	if err != nil {
		return err
	}
	itself, err := w.keep(dialAsItself(config.archive, config.options, config.logger, own))
	if err != nil {
		return err
	}
	users, err := w.keep(dialForUsers(config.archive, config.options, config.logger))
	if err != nil {
		return err
	}
	verifier, err := w.newVerifier(config) //nolint:contextcheck // the key set lives until close, not until ctx ends
	if err != nil {
		return err
	}
	w.cron = cron{every: config.every, limit: config.limit, do: report(itself), logger: config.logger}
	w.consumer = consumer{
		queue: queue, sealer: sealer, verifier: verifier, do: export(users),
		limit: config.limit, pauses: config.pauses, logger: config.logger,
	}
	return nil
}

// run works until ctx ends, and returns when everything has come to rest.
func (w *worker) run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { w.cron.run(ctx) })
	running.Go(func() {
		w.awaitKeys(ctx)
		w.consumer.run(ctx)
	})
	running.Wait()
}

// awaitKeys gives the first keys the moment that they take: without them, each
// start would cost a job one attempt. If they don't come, jobs wait one by one.
func (w *worker) awaitKeys(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = w.keys.WaitReady(ctx) // else verifying says it
}

// close releases what the worker owns. run must have returned.
func (w *worker) close() error {
	var errs []error
	for _, closer := range w.closers {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}

// report is the cron job's work.
func report(conn *grpc.ClientConn) func(context.Context) error {
	archive := echov1.NewEchoServiceClient(conn)
	return func(ctx context.Context) error {
		_, err := archive.Echo(ctx, &echov1.EchoRequest{Message: reportTask})
		return err
	}
}

// export is the work of users' jobs.
func export(conn *grpc.ClientConn) func(context.Context, Job) error {
	archive := echov1.NewEchoServiceClient(conn)
	return func(ctx context.Context, job Job) error {
		_, err := archive.Echo(ctx, &echov1.EchoRequest{Message: taskOf(job)})
		return err
	}
}

// taskOf names the job as well, so that the archive can tell a job that is
// repeated from another one.
func taskOf(job Job) string { return fmt.Sprintf("%s (job %s)", job.Task, job.ID) }

// keep closes the connection with the worker.
func (w *worker) keep(conn *grpc.ClientConn, err error) (*grpc.ClientConn, error) {
	if err == nil {
		w.closers = append(w.closers, conn.Close)
	}
	return conn, err
}

// newVerifier returns the worker's own verifier: that the desk verified a token
// is long ago.
func (w *worker) newVerifier(config config) (*token.Verifier, error) {
	var err error
	w.keys, err = keyset.Fetch(config.jwks, keyset.RemoteConfig{
		Client: &http.Client{Transport: config.http}, Logger: config.logger, MinBackoff: config.pauses.min,
	})
	if err != nil {
		return nil, err
	}
	w.closers = append(w.closers, w.keys.Close)
	return token.NewVerifier([]token.Issuer{
		{URL: config.issuer, Audiences: []string{config.audience}, Keys: w.keys},
	}, token.Leeway(config.leeway))
}
