package main

import (
	"context"
	"time"
)

// Queue is what the consumer needs of a queue; this is where yours plugs in.
//
//	            Lease                            Settle: Done, Later, Dead
//	SQS         ReceiveMessage                   DeleteMessage, ChangeMessageVisibility, a send to the dead letters
//	PostgreSQL  UPDATE ... FOR UPDATE SKIP       DELETE, UPDATE, a move to another table
//	            LOCKED, with an end
//	RabbitMQ    a delivery, without auto-ack     ack, publish with delay and ack, nack to the dead letters
//
// A job is handed out until it is settled, so it may be done twice: if the
// worker dies after the work and before it says so.
type Queue interface {
	// Lease waits for a job, and hands it to this consumer alone for some time:
	// until it is settled, or else it is handed out again. The error is that of
	// ctx, or says why there is no queue now.
	Lease(ctx context.Context) (Lease, error)

	// Settle says what has become of a job. It fails if the lease has ended,
	// and somebody else may have the job. A job that is done is deleted. One
	// that is dead is kept without its sealed token: it opens nothing any more.
	Settle(ctx context.Context, lease Lease, outcome Outcome) error
}

// Lease is a job that was handed out.
type Lease struct {
	Job     Job
	Attempt int // how often it was, this time included; with the job's id the lease's name
}

// Outcome is what has become of a job.
type Outcome struct {
	Fate   Fate
	After  time.Duration // Later: how long to wait before the next attempt
	Reason string        // Later and Dead: why; a token.Reason, or a code of gRPC
	Hop    string        // Later and Dead: the service that said so, if it has a name
}

// Fate is what is to be done with a job.
type Fate string

// The fates.
const (
	Done  Fate = "done"  // delete it
	Later Fate = "later" // try it again
	Dead  Fate = "dead"  // never try it again, and tell somebody
)
