package main

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestTheTokenIsRelayedOnceAndUnchanged(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	r := start(t, issuer)
	for _, entry := range entries {
		raw := issuer.Token()
		a := entry.call(t, r, "Bearer "+raw)
		wantDecision(t, entry.name, a, codes.OK, "", "a valid token")
		wantOnce(t, entry.name, r.upstream, "Bearer "+raw)
	}
}

// wantOnce checks that one call arrived since the last time, with this one value
// of authorization, and with the token nowhere else.
func wantOnce(t *testing.T, what string, u *upstream, value string) {
	t.Helper()
	calls := u.calls()
	u.forget()
	if len(calls) != 1 {
		t.Fatalf("%s: %d calls arrived", what, len(calls))
	}
	for key, values := range calls[0] {
		if key == "authorization" {
			if !slices.Equal(values, []string{value}) {
				t.Errorf("%s: %d values of authorization, or something else than was sent", what, len(values))
			}
		} else if shows(strings.Join(values, " "), []string{value}) {
			t.Errorf("%s: the token is in %s too", what, key)
		}
	}
	if len(calls[0].Get("authorization")) == 0 {
		t.Errorf("%s: no authorization", what)
	}
}

func TestWhatIsRefusedGoesNoFurther(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	r := start(t, issuer)
	for _, entry := range entries {
		_ = entry.call(t, r)
		_ = entry.call(t, r, "Bearer "+issuer.Token(jwttest.Forged()))
	}
	if calls := r.upstream.calls(); len(calls) > 0 {
		t.Errorf("the upstream got %d calls", len(calls))
	}
}

func TestWhatTheUpstreamRefuses(t *testing.T) {
	t.Parallel()
	retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(1500e6)}
	for name, test := range map[string]struct {
		refusal   error
		code      codes.Code // and HTTP's status is always that of the code
		challenge string
		retry     []string
	}{
		"not for this user":  {status.Error(codes.PermissionDenied, "no"), codes.PermissionDenied, noMatter, nil},
		"ended on its way":   {refusal(codes.Unauthenticated, token.ReasonExpired), codes.Unauthenticated, getAnew, nil},
		"other keys there":   {refusal(codes.Unauthenticated, token.ReasonKeyUnknown), codes.Internal, noMatter, nil},
		"no keys there":      {refusal(codes.Unavailable, token.ReasonKeysUnavailable, retry), codes.Unavailable, noMatter, []string{"2"}},
		"unavailable itself": {status.Error(codes.Unavailable, "later"), codes.Unavailable, noMatter, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := jwttest.NewIssuer(t)
			r := start(t, issuer)
			r.upstream.refuse(test.refusal)
			for _, entry := range entries {
				a := entry.call(t, r, "Bearer "+issuer.Token())
				if status.Code(a.err) != test.code {
					t.Errorf("%s: %v, want %v", entry.name, a.err, test.code)
				}
				wantChallenge(t, entry.name, a, test.challenge)
				if !slices.Equal(a.retry, test.retry) {
					t.Errorf("%s: Retry-After %q, want %q", entry.name, a.retry, test.retry)
				}
			}
		})
	}
}

// refusal is one of a service with interceptors of ours.
func refusal(code codes.Code, reason token.Reason, more ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{Domain: interceptor.Domain, Reason: string(reason), Metadata: map[string]string{"hop": "behind"}}
	s, err := status.New(code, "refused").WithDetails(append([]protoadapt.MessageV1{info}, more...)...)
	if err != nil {
		panic(err) // none of these is OK
	}
	return s.Err()
}
