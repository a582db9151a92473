package main

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestEveryKindOfCallNeedsAToken(t *testing.T) {
	t.Parallel()
	client := start(t, newIssuer(t), "-name", "one").client(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			_, err := kind.call(t.Context(), client, &echov1.EchoRequest{})
			wantRefusal(t, err, codes.Unauthenticated, token.ReasonMissing, "one")
		})
	}
}

func TestAnEmptyRequestIsFine(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	client := start(t, issuer).client(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			response, err := kind.call(with(t, issuer.Token()), client, &echov1.EchoRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if response.GetMessage() != "" || response.GetSubject() != jwttest.DefaultSubject {
				t.Errorf("got %v", response)
			}
		})
	}
}

func TestExpandSendsAsOftenAsAsked(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	client := start(t, issuer).client(t)
	for name, test := range map[string]struct {
		request *echov1.EchoRequest
		want    int
	}{
		"not asked":     {&echov1.EchoRequest{}, 1},
		"once":          {&echov1.EchoRequest{Repeat: 1}, 1},
		"three times":   {&echov1.EchoRequest{Repeat: 3}, 3},
		"at most":       {&echov1.EchoRequest{Repeat: maxRepeat}, maxRepeat},
		"with interval": {&echov1.EchoRequest{Repeat: 3, Interval: durationpb.New(time.Millisecond)}, 3},
		"once, at most": {&echov1.EchoRequest{Repeat: 1, Interval: durationpb.New(maxInterval)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream, err := client.Expand(with(t, issuer.Token()), test.request)
			if err != nil {
				t.Fatal(err)
			}
			got := 0
			for {
				if _, err = stream.Recv(); err != nil {
					break
				}
				got++
			}
			if got != test.want || !errors.Is(err, io.EOF) {
				t.Errorf("got %d messages and %v, want %d", got, err, test.want)
			}
		})
	}
}

func TestCollectJoinsTheMessages(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	stream, err := start(t, issuer).client(t).Collect(with(t, issuer.Token()))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"all", "of", "it"} {
		if err := stream.Send(&echov1.EchoRequest{Message: word}); err != nil {
			t.Fatal(err)
		}
	}
	response, err := stream.CloseAndRecv()
	if err != nil || response.GetMessage() != "all of it" {
		t.Errorf("got %v, %v", response, err)
	}
}

func TestCollectOfNothing(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	stream, err := start(t, issuer).client(t).Collect(with(t, issuer.Token()))
	if err != nil {
		t.Fatal(err)
	}
	response, err := stream.CloseAndRecv()
	if err != nil || response.GetMessage() != "" || len(response.GetHops()) != 1 {
		t.Errorf("got %v, %v", response, err)
	}
}

func TestCollectKeepsSoMuchAndNoMore(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	stream, err := start(t, issuer).client(t).Collect(with(t, issuer.Token()))
	if err != nil {
		t.Fatal(err)
	}
	for request := (&echov1.EchoRequest{Message: strings.Repeat("a", 1<<20)}); err == nil; {
		err = stream.Send(request)
	}
	_, err = stream.CloseAndRecv()
	wantCode(t, err, codes.ResourceExhausted)
}

func TestAnAbsurdRequestIsRefused(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	alone, chained := start(t, issuer).client(t), startChain(t, issuer, "first", "last").client(t)
	for name, request := range map[string]*echov1.EchoRequest{
		"one too many":      {Repeat: maxRepeat + 1},
		"the most there is": {Repeat: math.MaxUint32},
		"too long":          {Interval: durationpb.New(maxInterval + 1)},
		"years":             {Interval: &durationpb.Duration{Seconds: 315_576_000_000}},
		"negative":          {Interval: durationpb.New(-1)},
		"not a duration":    {Interval: &durationpb.Duration{Seconds: 1, Nanos: -1}},
		"out of range":      {Interval: &durationpb.Duration{Seconds: math.MaxInt64}},
	} {
		for _, kind := range kinds {
			t.Run(kind.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				_, err := kind.call(with(t, issuer.Token()), alone, request)
				wantCode(t, err, codes.InvalidArgument)
				_, err = kind.call(with(t, issuer.Token()), chained, request)
				wantCode(t, err, codes.InvalidArgument)
			})
		}
	}
}
