package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// refusal returns what the wire says of a refusal.
func refusal(code codes.Code, reason token.Reason) error {
	s := must(status.New(code, "no").WithDetails(
		&errdetails.ErrorInfo{Domain: interceptor.Domain, Reason: string(reason)},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(10 * time.Minute)},
	))
	return s.Err()
}

// TestWhatComesAfterAStream has how a stream may end.
func TestWhatComesAfterAStream(t *testing.T) {
	t.Parallel()
	const second, minutes = time.Second, 10 * time.Minute
	for name, test := range map[string]struct {
		err         error
		failed      int
		least, most time.Duration
		login, over bool
	}{
		"the token expired":               {err: refusal(codes.Unauthenticated, token.ReasonExpired)},
		"and the fresh one too":           {err: refusal(codes.Unauthenticated, token.ReasonExpired), failed: 1, least: second / 2, most: second},
		"and the next":                    {err: refusal(codes.Unauthenticated, token.ReasonExpired), failed: 2, least: second, most: 2 * second},
		"it was revoked":                  {err: refusal(codes.Unauthenticated, token.ReasonRevoked), login: true},
		"there is none":                   {err: refusal(codes.Unauthenticated, token.ReasonMissing), login: true},
		"it was issued too long ago":      {err: refusal(codes.Unauthenticated, interceptor.ReasonTooOld), login: true},
		"it is signed wrongly":            {err: refusal(codes.Unauthenticated, token.ReasonSignatureInvalid), over: true},
		"it is for others":                {err: refusal(codes.Unauthenticated, token.ReasonAudienceMismatch), over: true},
		"it may not watch":                {err: refusal(codes.PermissionDenied, interceptor.ReasonScopeInsufficient), over: true},
		"the link is not private":         {err: refusal(codes.Internal, interceptor.ReasonRelayInsecure), over: true},
		"expired, says another code":      {err: refusal(codes.Internal, token.ReasonExpired), over: true},
		"somebody else's unauthenticated": {err: status.Error(codes.Unauthenticated, "no"), over: true},
		"keys can't be had":               {err: refusal(codes.Unavailable, token.ReasonKeysUnavailable), least: minutes, most: minutes},
		"who was revoked isn't known":     {err: refusal(codes.Unavailable, token.ReasonRevocationsUnavailable), least: minutes, most: minutes},
		"the issuer is away":              {err: refusal(codes.Unavailable, interceptor.ReasonCredentialUnavailable), least: minutes, most: minutes},
		"the service is away":             {err: errAway, least: second / 2, most: second},
		"for longer":                      {err: errAway, failed: 3, least: 4 * second, most: 8 * second},
		"for ever":                        {err: errAway, failed: 1 << 40, least: 30 * second, most: time.Minute},
		"forgotten":                       {err: &positionError{reason: tooOld}, over: true},
		"a bug":                           {err: status.Error(codes.Internal, "oops"), over: true},
		"no status":                       {err: errors.New("oops"), over: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pause, err := Backoff{}.before(test.err, test.failed)
			if (err != nil) != (test.login || test.over) || errors.Is(err, ErrLogin) != test.login || err != nil && !errors.Is(err, test.err) {
				t.Errorf("got %v", err)
			}
			if pause < test.least || pause > test.most {
				t.Errorf("a pause of %v, want %v to %v", pause, test.least, test.most)
			}
		})
	}
}

// TestPausesDiffer has those who all lost the same service.
func TestPausesDiffer(t *testing.T) {
	t.Parallel()
	all := make(map[time.Duration]bool)
	for range 1000 {
		pause := Backoff{Min: time.Minute, Max: time.Hour}.pause(3)
		if pause < 2*time.Minute || pause > 4*time.Minute {
			t.Errorf("a pause of %v", pause)
		}
		all[pause.Round(time.Second)] = true
	}
	if len(all) < 50 {
		t.Errorf("only %d different pauses", len(all))
	}
}

// TestBackoffOfOddSizes has settings of which something must be made.
func TestBackoffOfOddSizes(t *testing.T) {
	t.Parallel()
	for _, b := range []Backoff{{}, {Min: -1, Max: -1}, {Min: time.Hour}, {Min: 1 << 62, Max: 1<<63 - 1}, {Max: 1}} {
		for _, failed := range []int{0, 1, 2, 100} {
			t.Run(fmt.Sprint(b, failed), func(t *testing.T) {
				t.Parallel()
				if pause := b.pause(failed); pause < 0 || pause > b.most() {
					t.Errorf("a pause of %v", pause)
				}
			})
		}
	}
}
