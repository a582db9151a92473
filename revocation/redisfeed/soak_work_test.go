//go:build soak

package redisfeed_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

const (
	callTime     = 10 * time.Second // for one call, which is far too long
	callers      = 64
	endedCalls   = 0.1 // of all, those with tokens that are revoked
	probePause   = 2 * time.Millisecond
	probeLead    = 10 * time.Millisecond  // from the first probe to Revoke
	probeDense   = 300 * time.Millisecond // then probes become rare
	probeRare    = 250 * time.Millisecond
	probeStreams = 4   // with one of so many probes, a stream is opened
	maxLate      = 100 // streams of that sort: maps keep the size of their fullest hour
	probeRefused = 3   // after so many refusals it's enough
	retryPause   = 50 * time.Millisecond
	newcomers    = 3 // of those who log in again, whose tokens are tried at once
)

// bearer returns a context of a call with a token.
func bearer(ctx context.Context, t *ticket) context.Context {
	return grpcmd.AppendToOutgoingContext(ctx, "authorization", t.Authorization())
}

// call makes one call, which goes on when ctx ends, and reports whether the token was
// accepted.
func (s *soak) call(ctx context.Context, p *soakProcess, t *ticket) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	s.calls.Add(1)
	began := time.Now()
	response, err := p.client.UnaryCall(bearer(ctx, t), &testpb.SimpleRequest{})
	s.latency.note(time.Since(began))
	r := t.revoked.Load()
	if err != nil {
		s.refused(p, t, r, "call", err)
		return false
	}
	s.accepted.Add(1)
	if r != nil {
		at := int64(binary.BigEndian.Uint64(response.GetPayload().GetBody())) //nolint:gosec // it was one
		raise(&r.at[p.number].accepted, at)
		raise(&r.at[p.number].begun, began.UnixNano())
	}
	return true
}

// refused judges an error of a call, or of a stream.
func (s *soak) refused(p *soakProcess, t *ticket, r *revoked, what string, err error) bool {
	refusal, ok := interceptor.RefusalFrom(err)
	switch {
	case !ok || refusal.Reason != token.ReasonRevoked || refusal.Code != codes.Unauthenticated:
		s.errors.Add(1)
		s.complain("%s: process %d, token of %q: %v", what, p.number, t.Subject(), err)
		return false
	case r == nil:
		s.complain("%s: process %d refused a token of %q that nobody revoked", what, p.number, t.Subject())
		return false
	default:
		s.denied.Add(1)
		return true
	}
}

// callAll makes calls with any tokens to any process, as many as are missing to the
// rate.
func (s *soak) callAll(ctx context.Context) error {
	jobs := make(chan func(), callers)
	var workers sync.WaitGroup
	for range callers {
		workers.Go(func() {
			for job := range jobs {
				job()
			}
		})
	}
	defer workers.Wait()
	defer close(jobs)
	random := s.random(3)
	began, already := time.Now(), s.calls.Load()
	for due := int64(0); goesOn(ctx, 2*time.Millisecond); {
		for due = max(due, s.calls.Load()-already); due < int64(time.Since(began).Seconds()*callsPerSecond); due++ {
			p, t := s.processes[random.IntN(processes)], s.crowd.draw(random)
			if random.Float64() < endedCalls {
				if ended := s.crowd.drawEnded(random); ended != nil {
					t = ended
				}
			}
			select {
			case jobs <- func() { s.call(ctx, p, t) }:
			case <-ctx.Done():
				return nil
			}
		}
	}
	return nil
}

// revokeAll is the one who revokes.
func (s *soak) revokeAll(ctx context.Context) error {
	random := s.random(4)
	var followers sync.WaitGroup
	defer followers.Wait()
	for goesOn(ctx, time.Duration(random.ExpFloat64()*float64(time.Second/revocationsPerSecond))) {
		if r := s.choose(random); r != nil {
			s.revoke(ctx, r, &followers)
		}
	}
	return nil
}

// choose chooses what to revoke: half of the times, a token with an open stream. It
// returns nil if that would match nothing: all was issued in this very second.
func (s *soak) choose(random *rand.Rand) *revoked {
	t, kind := s.crowd.draw(random), drawKind(random)
	if random.IntN(2) == 0 {
		if open := s.streams[random.IntN(len(s.streams))].ticket.Load(); open != nil && open.revoked.Load() == nil {
			t = open
		}
	}
	if kind == byIssuer {
		t = s.crowd.partner()
	}
	r := s.crowd.condemn(kind, t, random)
	if len(r.tickets) == 0 {
		return nil
	}
	r.troubled.Store(s.trouble.Load())
	return r
}

// revoke publishes a revocation, and has it followed on each process.
func (s *soak) revoke(ctx context.Context, r *revoked, followers *sync.WaitGroup) {
	s.mu.Lock()
	s.pending[r.entry.String()] = r
	s.revocations = append(s.revocations, r)
	s.mu.Unlock()
	for _, p := range s.processes {
		followers.Go(func() { s.probe(ctx, p, r) })
	}
	time.Sleep(probeLead)
	r.started.Store(now())
	for err := s.writer.Revoke(context.WithoutCancel(ctx), r.entry); err != nil; {
		s.failedWrites.Add(1)
		if !s.trouble.Load() || !goesOn(ctx, retryPause) {
			s.complain("Revoke: %v", err)
			return
		}
		err = s.writer.Revoke(context.WithoutCancel(ctx), r.entry)
	}
	r.returned.Store(now())
	renewed := s.crowd.renew(context.WithoutCancel(ctx), r)
	followers.Go(func() { s.welcome(ctx, renewed[:min(len(renewed), newcomers)]) })
}

// probe makes calls with a matching token until they are refused, and opens streams
// with it.
func (s *soak) probe(ctx context.Context, p *soakProcess, r *revoked) {
	pause, began := probePause, time.Now()
	for refused, n := 0, 0; refused < probeRefused; n++ {
		dense := time.Since(began) < probeDense
		if n%probeStreams == 0 && dense && s.open.Load() < openStreams+maxLate {
			s.late(p, r.tickets[0])
		}
		if !s.call(ctx, p, r.tickets[0]) {
			refused++
		}
		if !dense {
			pause = min(pause*3/2, probeRare)
		}
		if !goesOn(ctx, pause) { // all that arrives late is checked at the end
			return
		}
	}
}

// welcome tries tokens that were issued after a revocation, at once and when it has
// surely arrived.
func (s *soak) welcome(ctx context.Context, renewed []*ticket) {
	for _, wait := range []time.Duration{0, time.Second} {
		time.Sleep(wait)
		for _, t := range renewed {
			for _, p := range s.processes {
				if s.call(ctx, p, t) {
					s.welcomed.Add(1)
				}
			}
		}
	}
}

// goesOn waits, and reports whether ctx goes on.
func goesOn(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// durations collects times.
type durations struct {
	mu  sync.Mutex
	all []time.Duration
}

func (d *durations) note(one time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, one)
}

func (d *durations) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprint(quantiles(d.all))
}
