package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestEveryHopOfAChainSeesTheSameToken(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	client := startChain(t, issuer, "a", "b", "c").client(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			raw := issuer.Token(jwttest.Subject("bob " + kind.name))
			response, err := kind.call(with(t, raw), client, &echov1.EchoRequest{Message: "hello"})
			if err != nil {
				t.Fatal(err)
			}
			want := fingerprintOf(raw)
			if response.GetMessage() != "hello" || response.GetSubject() != "bob "+kind.name || response.GetFingerprint() != want {
				t.Errorf("got %v", response)
			}
			var names []string
			for _, hop := range response.GetHops() {
				names = append(names, hop.GetName())
				if hop.GetSubject() != "bob "+kind.name || hop.GetFingerprint() != want {
					t.Errorf("hop %v, want the token %s", hop, want)
				}
			}
			if !slices.Equal(names, []string{"a", "b", "c"}) {
				t.Errorf("hops %v", names)
			}
		})
	}
}

func TestMessagesGoOnAsTheyCome(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	stream, err := startChain(t, issuer, "a", "b", "c").client(t).Chat(with(t, issuer.Token()))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"one", "two", "three"} {
		if err := stream.Send(&echov1.EchoRequest{Message: word}); err != nil {
			t.Fatal(err)
		}
		response, err := stream.Recv()
		if err != nil || response.GetMessage() != word {
			t.Fatalf("got %v, %v", response, err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end", err)
	}
}

func TestTheUpstreamsRefusalIsPassedOnAsItIs(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	other := start(t, issuer, "-name", "other", "-audience", "other-audience")
	client := start(t, issuer, "-name", "first", "-upstream", other.addr, "-upstream-plaintext").client(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			_, err := kind.call(with(t, issuer.Token()), client, &echov1.EchoRequest{})
			wantRefusal(t, err, codes.Unauthenticated, token.ReasonAudienceMismatch, "other")
		})
	}
}

// A caller that waits before its first message must not wait for the verdict.
func TestTheUpstreamsRefusalDoesNotWaitForTheCaller(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	other := start(t, issuer, "-name", "other", "-audience", "other-audience")
	client := start(t, issuer, "-name", "first", "-upstream", other.addr, "-upstream-plaintext").client(t)
	t.Run("Collect", func(t *testing.T) {
		t.Parallel()
		stream, err := client.Collect(with(t, issuer.Token()))
		if err != nil {
			t.Fatal(err)
		}
		err = stream.RecvMsg(new(echov1.EchoResponse))
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonAudienceMismatch, "other")
	})
	t.Run("Chat", func(t *testing.T) {
		t.Parallel()
		stream, err := client.Chat(with(t, issuer.Token()))
		if err != nil {
			t.Fatal(err)
		}
		_, err = stream.Recv()
		wantRefusal(t, err, codes.Unauthenticated, token.ReasonAudienceMismatch, "other")
	})
}

func TestAPlaintextUpstreamGetsNothingUnlessAllowed(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			upstream := startRecorder(t)
			server := start(t, issuer, "-name", "first", "-upstream", upstream.addr)
			_, err := kind.call(with(t, issuer.Token()), server.client(t), &echov1.EchoRequest{Message: "secret"})
			wantRefusal(t, err, codes.Internal, interceptor.ReasonRelayInsecure, "first")
			if calls := upstream.calls(); len(calls) > 0 {
				t.Errorf("the upstream got %d calls", len(calls))
			}
			server.log.line(t, string(interceptor.ReasonRelayInsecure))
		})
	}
}

func TestTheRelayedTokenArrivesOnceAndUnchanged(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			upstream := startRecorder(t)
			client := start(t, issuer, "-upstream", upstream.addr, "-upstream-plaintext").client(t)
			raw := issuer.Token()
			_, err := kind.call(with(t, raw), client, &echov1.EchoRequest{})
			wantCode(t, err, codes.DataLoss) // the recorder's own
			calls := upstream.calls()
			if len(calls) != 1 || !slices.Equal(calls[0], []string{"Bearer " + raw}) {
				t.Errorf("the upstream got %d calls, or something else than the token", len(calls))
			}
		})
	}
}

func TestAnUpstreamThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	gone := listen(t)
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	client := start(t, issuer, "-upstream", gone.Addr().String(), "-upstream-plaintext").client(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			_, err := kind.call(with(t, issuer.Token()), client, &echov1.EchoRequest{})
			wantCode(t, err, codes.Unavailable)
		})
	}
}

func TestACallerWhoLeavesEndsTheCallUpstream(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			upstream := startWaiter(t)
			client := start(t, issuer, "-upstream", upstream.addr, "-upstream-plaintext").client(t)
			ctx, leave := context.WithCancel(with(t, issuer.Token()))
			defer leave()
			failed := make(chan error, 1)
			go func() {
				_, err := kind.call(ctx, client, &echov1.EchoRequest{})
				failed <- err
			}()
			<-upstream.opened
			leave()
			wantCode(t, <-failed, codes.Canceled)
			<-upstream.ended
		})
	}
}

func TestExpandEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	wantCode(t, wait(ctx, maxInterval), codes.Canceled)
}

// waiter is an upstream that never answers.
type waiter struct {
	addr          string
	opened, ended chan struct{}
}

func startWaiter(t *testing.T) *waiter {
	t.Helper()
	w := &waiter{opened: make(chan struct{}), ended: make(chan struct{})}
	w.addr = serveAnything(t, func(stream grpc.ServerStream) error {
		w.opened <- struct{}{}
		<-stream.Context().Done()
		w.ended <- struct{}{}
		return status.FromContextError(stream.Context().Err()).Err()
	})
	return w
}
