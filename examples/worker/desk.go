package main

import (
	"context"
	"crypto/rand"
	"log/slog"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

// inbox is what the desk needs of a queue.
type inbox interface {
	// Put keeps a job. Once it returns nil, the job is not lost.
	Put(ctx context.Context, job Job) error
}

// desk is the service that users ask for work that takes long. It answers at
// once, with the job's id; everything after that happens without the user.
type desk struct {
	echov1.UnimplementedEchoServiceServer
	inbox  inbox
	sealer *sealer
	logger *slog.Logger
}

// Echo queues the message as a job of whoever is calling, with their token.
func (d *desk) Echo(ctx context.Context, request *echov1.EchoRequest) (*echov1.EchoResponse, error) {
	caller, ok := token.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Internal, "no verified token in the context")
	}
	job := Job{ID: rand.Text(), Owner: caller.Principal(), Task: request.GetMessage()}
	if err := d.inbox.Put(ctx, d.sealer.seal(job, caller.Raw())); err != nil {
		d.logger.ErrorContext(ctx, "job not queued", "cause", err)
		return nil, status.Error(codes.Unavailable, "no jobs are taken now")
	}
	return &echov1.EchoResponse{Message: job.ID, Subject: caller.Subject(), Fingerprint: caller.Fingerprint()}, nil
}
