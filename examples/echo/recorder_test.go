package main

import (
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// recorder is an upstream that notes what arrives and refuses it.
type recorder struct {
	addr string

	mutex          sync.Mutex
	authorizations [][]string // the header's values of each call
}

func startRecorder(t *testing.T) *recorder {
	t.Helper()
	r := new(recorder)
	r.addr = serveAnything(t, func(stream grpc.ServerStream) error {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		r.authorizations = append(r.authorizations, grpcmd.ValueFromIncomingContext(stream.Context(), "authorization"))
		return status.Error(codes.DataLoss, "recorded")
	})
	return r
}

// calls returns the authorization values of each call that arrived.
func (r *recorder) calls() [][]string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Clone(r.authorizations)
}

// serveAnything serves every method of every service, in plaintext and without
// looking for a token, for as long as the test runs.
func serveAnything(t *testing.T, handle func(grpc.ServerStream) error) (addr string) {
	t.Helper()
	server := grpc.NewServer(grpc.UnknownServiceHandler(
		func(_ any, stream grpc.ServerStream) error { return handle(stream) }))
	listener := listen(t)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return listener.Addr().String()
}
