package scenery

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

// Archive is the service that the worker calls. It does what it is asked, and
// keeps who asked: not who the worker says, but who the token says.
type Archive struct {
	echov1.UnimplementedEchoServiceServer

	mu     sync.Mutex
	visits []Visit
}

// Visit is a call, and whose token came with it.
type Visit struct{ Message, Subject, Fingerprint string }

// Echo keeps a visit.
func (a *Archive) Echo(ctx context.Context, request *echov1.EchoRequest) (*echov1.EchoResponse, error) {
	caller, ok := token.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Internal, "no verified token in the context")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.visits = append(a.visits, Visit{request.GetMessage(), caller.Subject(), caller.Fingerprint()})
	return &echov1.EchoResponse{
		Message: request.GetMessage(), Subject: caller.Subject(), Fingerprint: caller.Fingerprint(),
	}, nil
}

// Of returns the visits with this message.
func (a *Archive) Of(message string) []Visit {
	return slices.DeleteFunc(a.All(), func(v Visit) bool { return v.Message != message })
}

// All returns all visits.
func (a *Archive) All() []Visit {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.visits)
}
