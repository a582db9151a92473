//go:build soak

package redisfeed_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// orders are what a server process is told, as JSON on its standard input. When
// that ends, the process does.
type orders struct {
	Redis   string
	Issuers []orderedIssuer
}

type orderedIssuer struct {
	URL  string
	JWKS []byte
}

// report is what a server process tells, a line of JSON each. One of the members is
// set.
type report struct {
	Address string     `json:",omitzero"` // it serves
	Arrived []string   `json:",omitzero"` // entries
	At      int64      `json:",omitzero"` // when they arrived
	Wrong   string     `json:",omitzero"` // what must not be
	Size    *footprint `json:",omitzero"`
	Left    *footprint `json:",omitzero"` // when all has been closed
}

// footprint is what a process takes.
type footprint struct {
	Heap       uint64 // bytes
	Goroutines int
	Entries    int // of the list
	Began      int // goroutines when the process began
}

// reports is the file that a server process reports to.
const reports = 3

const measureEvery = 2 * time.Second

// soakServer is what runs in a server process.
type soakServer struct {
	testpb.UnimplementedTestServiceServer
	arrivals *arrivals
	list     *revocation.List
	began    int // goroutines

	mu  sync.Mutex
	out *json.Encoder
}

// serveSoak is the server process.
func serveSoak(t *testing.T) {
	s := &soakServer{out: json.NewEncoder(os.NewFile(reports, "reports")), began: runtime.NumGoroutine()}
	input := json.NewDecoder(os.Stdin)
	var o orders
	if err := input.Decode(&o); err != nil {
		t.Fatal(err)
	}
	feed, err := openSoakFeed(o.Redis)
	if err != nil {
		t.Fatal(err)
	}
	s.arrivals = newArrivals(feed, func(names []string) { s.report(report{Arrived: names, At: now()}) })
	s.list, err = revocation.NewList(revocation.Config{
		MaxLifetime: soakLifetime,
		Sources:     []revocation.Source{{Name: "redis", Feed: s.arrivals, IssuerWide: true}},
		Observer:    s.arrivals,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.serve(t, o)
	if err := s.list.Close(); err != nil {
		t.Error(err)
	}
	if err := feed.Close(); err != nil {
		t.Error(err)
	}
	left := s.measure()
	for range 100 {
		if left = s.measure(); left.Goroutines <= s.began {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.report(report{Left: left})
}

// serve serves until standard input ends.
func (s *soakServer) serve(t *testing.T, o orders) {
	t.Helper()
	server, err := interceptor.NewServer(soakVerifier(t, o, token.WithRevocations(s.list)), interceptor.Authenticated())
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer(append(s.arrivals.options(), server.Options()...)...)
	testpb.RegisterTestServiceServer(srv, s)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	})
	if err := s.list.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it returns at once
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() {
		if err := srv.Serve(listener); err != nil {
			t.Error(err)
		}
	})
	running.Go(func() { s.measureOften(ctx) })
	s.report(report{Address: listener.Addr().String()})
	<-ctx.Done()
	srv.GracefulStop() // the driver has closed its streams
	running.Wait()
}

// soakVerifier returns a verifier of the ordered issuers' tokens.
func soakVerifier(t *testing.T, o orders, options ...token.VerifierOption) *token.Verifier {
	t.Helper()
	var issuers []token.Issuer
	for _, issuer := range o.Issuers {
		keys, err := keyset.Parse(issuer.JWKS, keyset.ParseConfig{})
		if err != nil {
			t.Fatal(err)
		}
		issuers = append(issuers, token.Issuer{URL: issuer.URL, Audiences: []string{soakAudience}, Keys: keys})
	}
	options = append(options, token.MaxLifetime(soakLifetime),
		token.CacheSize(256<<10)) // which is soon full, so that what is kept is no growth
	verifier, err := token.NewVerifier(issuers, options...)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func (s *soakServer) report(r report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.out.Encode(r) // the driver may be gone, and this process soon is
}

func (s *soakServer) measureOften(ctx context.Context) {
	for goesOn(ctx, measureEvery) {
		s.report(report{Size: s.measure()})
	}
}

func (s *soakServer) measure() *footprint {
	runtime.GC() // twice: what was pooled is let go after the second
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return &footprint{stats.HeapAlloc, runtime.NumGoroutine(), s.list.Status().Entries, s.began}
}

// admitted checks that the call that is being handled may be.
func (s *soakServer) admitted(ctx context.Context) {
	t, ok := token.FromContext(ctx)
	began, noted := ctx.Value(beganKey{}).(int64)
	if !ok || !noted {
		s.report(report{Wrong: "a call without a token was accepted"})
		return
	}
	if s.arrivals.excludes(t, began) {
		s.report(report{Wrong: fmt.Sprintf("a token of %q was accepted after an entry for it had arrived", t.Subject())})
	}
}

// UnaryCall answers with the time, as 8 bytes.
func (s *soakServer) UnaryCall(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	s.admitted(ctx)
	at := binary.BigEndian.AppendUint64(nil, uint64(now())) //nolint:gosec // after 1970
	return &testpb.SimpleResponse{Payload: &testpb.Payload{Body: at}}, nil
}

// StreamingOutputCall sends nothing, and waits for the end.
func (s *soakServer) StreamingOutputCall(_ *testpb.StreamingOutputCallRequest, stream grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error {
	if err := s.opened(stream); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

// FullDuplexCall is blocked in Recv.
func (s *soakServer) FullDuplexCall(stream grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]) error {
	if err := s.opened(stream); err != nil {
		return err
	}
	_, err := stream.Recv()
	return err
}

// HalfDuplexCall sends now and then.
func (s *soakServer) HalfDuplexCall(stream grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]) error {
	if err := s.opened(stream); err != nil {
		return err
	}
	for {
		if err := stream.Send(&testpb.StreamingOutputCallResponse{}); err != nil {
			return err
		}
		time.Sleep(200 * time.Millisecond) // a handler that looks at nothing but its stream
	}
}

// opened tells the caller that the stream is open.
func (s *soakServer) opened(stream grpc.ServerStream) error {
	s.admitted(stream.Context())
	return stream.SendHeader(nil)
}
