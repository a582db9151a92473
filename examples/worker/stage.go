package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/examples/worker/scenery"
)

// stage is everything that the scenes play with: all of it on loopback, and
// every connection with TLS.
type stage struct {
	*scenery.Narrator
	logger  *slog.Logger
	written *scenery.Record // all that is told and logged

	authority *scenery.Authority
	http      *http.Transport // knows the authority
	issuer    *scenery.Issuer
	queue     *witness
	archive   *scenery.Archive
	line      *scenery.Line // to the archive
	desk      echov1.EchoServiceClient
	sealKey   []byte
	orders    []order // what users have asked for

	running    sync.WaitGroup
	closers    []func()
	stopWorker func()
}

// newStage returns a stage that tells on w, and logs to log.
func newStage(w, log io.Writer) *stage {
	sealKey := make([]byte, sealKeySize)
	_, _ = rand.Read(sealKey) // it never fails
	written := new(scenery.Record)
	return &stage{
		Narrator:   scenery.NewNarrator(io.MultiWriter(w, written)),
		logger:     slog.New(slog.NewTextHandler(io.MultiWriter(log, written), nil)),
		written:    written,
		queue:      newWitness(newMemory(lease)),
		archive:    new(scenery.Archive),
		sealKey:    sealKey,
		stopWorker: func() {},
	}
}

// open starts everything but the worker. Call close when done, whatever it
// returns.
func (s *stage) open(ctx context.Context) (err error) {
	if s.authority, err = scenery.NewAuthority(); err != nil {
		return err
	}
	s.http = &http.Transport{TLSClientConfig: s.authority.Client()}
	s.closers = append(s.closers, s.http.CloseIdleConnections)
	if s.issuer, err = s.openIssuer(ctx); err != nil {
		return err
	}
	if s.line, err = s.serve(ctx, "archive", s.archive); err != nil {
		return err
	}
	return s.openDesk(ctx)
}

// openDesk starts the desk, and connects its users to it.
func (s *stage) openDesk(ctx context.Context) error {
	sealer, err := newSealer(s.sealKey)
	if err != nil {
		return err
	}
	at, err := s.serve(ctx, "desk", &desk{inbox: s.queue, sealer: sealer, logger: s.logger})
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(at.Addr().String(), s.dialTLS())
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() { _ = conn.Close() })
	s.desk = echov1.NewEchoServiceClient(conn)
	return nil
}

// dialTLS has connections to our servers made with TLS.
func (s *stage) dialTLS() grpc.DialOption {
	return grpc.WithTransportCredentials(credentials.NewTLS(s.authority.Client()))
}

// close ends all that was started, and waits for it.
func (s *stage) close() {
	s.stopWorker()
	for _, closer := range slices.Backward(s.closers) {
		closer()
	}
	s.running.Wait()
}

// until waits for something.
func until(ctx context.Context, what string, happened func() bool) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !happened() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		}
	}
	return nil
}
