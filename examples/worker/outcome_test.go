package main

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// pauses don't vary from the second attempt on: a random part of nothing.
var pauses = backoff{min: time.Second, max: time.Minute}

// refusal is what a service named archive answers.
func refusal(code codes.Code, reason token.Reason, retry time.Duration) error {
	info := &errdetails.ErrorInfo{Domain: interceptor.Domain, Reason: string(reason), Metadata: map[string]string{"hop": "archive"}}
	return must(status.New(code, "no").WithDetails(info, &errdetails.RetryInfo{RetryDelay: durationpb.New(retry)})).Err()
}

// TestOutcomes has what TestWhatBecomesOfAJob has not: other hops, and pauses.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	keysAway := &keyset.UnavailableError{After: 20 * time.Second}
	for name, test := range map[string]struct {
		err      error
		want     Outcome // but for After
		from, to time.Duration
	}{
		"ended, the archive says":   {err: refusal(codes.Unauthenticated, "TOKEN_EXPIRED", 0), want: Outcome{Fate: Dead, Reason: "TOKEN_EXPIRED", Hop: "archive"}},
		"no keys, we say":           {token.NewError(token.ReasonKeysUnavailable, keysAway), Outcome{Fate: Later, Reason: "KEYS_UNAVAILABLE"}, 20 * time.Second, 20 * time.Second},
		"no keys, the archive says": {refusal(codes.Unavailable, "KEYS_UNAVAILABLE", 20*time.Second), Outcome{Fate: Later, Reason: "KEYS_UNAVAILABLE", Hop: "archive"}, 20 * time.Second, 20 * time.Second},
		"sooner than our own pause": {refusal(codes.Unavailable, "KEYS_UNAVAILABLE", time.Millisecond), Outcome{Fate: Later, Reason: "KEYS_UNAVAILABLE", Hop: "archive"}, 2 * time.Second, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := outcomeOf(test.err, 3, pauses)
			if got.After < test.from || got.After > test.to {
				t.Errorf("later is %v, want %v to %v", got.After, test.from, test.to)
			}
			if got.After = 0; got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	for attempt, most := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 7: time.Minute, 1 << 40: time.Minute,
	} {
		for range 100 {
			if got := pauses.pause(attempt); got < most/2 || got > most {
				t.Errorf("after attempt %d: %v", attempt, got)
			}
		}
	}
}
