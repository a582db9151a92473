package main

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/token"
)

// hop is this service among those that a call goes through.
type hop struct{ name string }

// answer is message with who asked for it, and with this hop in front of those
// behind it. It fails if the call was let in without a token, which would be a
// mistake of the server's policy.
func (h hop) answer(ctx context.Context, message string, behind []*echov1.Hop) (*echov1.EchoResponse, error) {
	caller, ok := token.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Internal, "no verified token in the context")
	}
	this := &echov1.Hop{Name: h.name, Subject: caller.Subject(), Fingerprint: caller.Fingerprint()}
	return &echov1.EchoResponse{
		Message:     message,
		Subject:     this.GetSubject(),
		Fingerprint: this.GetFingerprint(),
		Hops:        append([]*echov1.Hop{this}, behind...),
	}, nil
}
