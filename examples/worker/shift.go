package main

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"

	"github.com/jwtrelay/jwtrelay/examples/worker/scenery"
)

// How fast everything goes here. In earnest, a report is for the night, and
// the pauses are for minutes.
const (
	lease       = 30 * time.Second
	limit       = 10 * time.Second
	reportEvery = 200 * time.Millisecond
	minPause    = 100 * time.Millisecond
	maxPause    = time.Second
)

// startWorker starts a worker, in place of the one before.
func (s *stage) startWorker(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	w, err := newWorker(ctx, s.workerConfig(), s.queue)
	if err != nil {
		cancel()
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.run(ctx)
	}()
	s.stopWorker = sync.OnceFunc(func() {
		cancel()
		<-done
		_ = w.close() // nothing is to go through it any more
	})
	return nil
}

// workerConfig is the configuration of a worker on this stage.
func (s *stage) workerConfig() config {
	return config{
		archive:  s.line.Addr().String(),
		options:  []grpc.DialOption{s.dialTLS(), reconnectSoon()},
		issuer:   s.issuer.URL,
		audience: audience,
		jwks:     s.issuer.URL + scenery.JWKSPath,
		http:     s.http,
		own:      ownConfig{tokenURL: s.issuer.URL + scenery.TokenPath, clientID: workerName, secret: s.issuer.Secret},
		sealKey:  s.sealKey,
		every:    reportEvery,
		limit:    limit,
		pauses:   backoff{minPause, maxPause},
		logger:   s.logger,
	}
}

// reconnectSoon has gRPC dial again as often as jobs are tried again: by
// default it lets up to 2 minutes pass.
func reconnectSoon() grpc.DialOption {
	pauses := grpcbackoff.Config{BaseDelay: minPause, Multiplier: 2, Jitter: 0.2, MaxDelay: maxPause}
	return grpc.WithConnectParams(grpc.ConnectParams{Backoff: pauses, MinConnectTimeout: limit})
}
