package interceptor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestRefusalFromFarBehind(t *testing.T) {
	t.Parallel()
	w, wrong := newWorld(t), newWorld(t)
	forEachKind(t, func(t *testing.T, k kind) {
		c := newChain(t, w, w, w, wrong)
		got, ok := interceptor.RefusalFrom(c.user(t, k, "Bearer "+w.issuer.Token()))
		want := interceptor.Refusal{
			Reason: token.ReasonKeyUnknown, Code: codes.Unauthenticated, Hop: "C", Message: "the token's key is not known",
		}
		if !ok || got != want {
			t.Errorf("got %+v, %v", got, ok)
		}
	})
}

func TestRefusalFromThisService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := serve(t, &service{})(newClient(t, interceptor.RequireToken(), interceptor.Name("A")).DialOptions()...)
	err := fmt.Errorf("wrapped: %w", callUnary(t.Context(), client))
	if got, ok := interceptor.RefusalFrom(err); !ok || got.Reason != token.ReasonMissing || got.Hop != "A" {
		t.Errorf("got %+v, %v", got, ok)
	}
	set := answer{&keyset.UnavailableError{After: 7 * time.Second}}
	verifier, err := token.NewVerifier([]token.Issuer{{URL: w.issuer.URL(), AnyAudience: "test", Keys: set}})
	if err != nil {
		t.Fatal(err)
	}
	err = callUnary(sending(t, "Bearer "+w.issuer.Token()), serve(t, &service{}, world{w.issuer, verifier}.server(t, interceptor.Authenticated()).Options()...)())
	if got, ok := interceptor.RefusalFrom(err); !ok || got.RetryAfter != 7*time.Second {
		t.Errorf("got %+v, %v", got, ok)
	}
}

// with returns a status with an ErrorInfo of some domain.
func with(t *testing.T, code codes.Code, domain, reason string) error {
	t.Helper()
	s, err := status.New(code, "text").WithDetails(&errdetails.ErrorInfo{
		Reason: reason, Domain: domain, Metadata: map[string]string{"hop": "C"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.Err()
}

func TestWhatIsNoRefusal(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"nil":                        nil,
		"any error":                  errors.New("x"),
		"a context's":                context.Canceled,
		"a status":                   status.Error(codes.Unauthenticated, "x"),
		"a status of another domain": with(t, codes.Unauthenticated, "example.com", "TOKEN_EXPIRED"),
	} {
		if got, ok := interceptor.RefusalFrom(err); ok || got != (interceptor.Refusal{}) {
			t.Errorf("%s: got %+v", name, got)
		}
		if got := interceptor.AsUpstream(err); !same(got, err) {
			t.Errorf("%s: AsUpstream gives %v", name, got)
		}
	}
}

// same reports whether a and b are the same error, and not one around the other.
func same(a, b error) bool { return errors.Is(a, b) && errors.Is(b, a) }

// TestAsUpstream has every reason that a later hop may give for refusing a
// token that this one verified, and what the user is told.
func TestAsUpstream(t *testing.T) {
	t.Parallel()
	for reason, test := range map[token.Reason]struct{ from, to codes.Code }{
		token.ReasonMissing:                     {codes.Unauthenticated, codes.Unauthenticated},
		token.ReasonExpired:                     {codes.Unauthenticated, codes.Unauthenticated},
		token.ReasonRevoked:                     {codes.Unauthenticated, codes.Unauthenticated},
		token.ReasonMalformed:                   {codes.Unauthenticated, codes.Internal},
		token.ReasonTooLarge:                    {codes.Unauthenticated, codes.Internal},
		token.ReasonUnsupported:                 {codes.Unauthenticated, codes.Internal},
		token.ReasonKeyUnknown:                  {codes.Unauthenticated, codes.Internal},
		token.ReasonSignatureInvalid:            {codes.Unauthenticated, codes.Internal},
		token.ReasonNotYetValid:                 {codes.Unauthenticated, codes.Internal},
		token.ReasonIssuerMismatch:              {codes.Unauthenticated, codes.Internal},
		token.ReasonAudienceMismatch:            {codes.Unauthenticated, codes.Internal},
		token.ReasonClaimsInvalid:               {codes.Unauthenticated, codes.Internal},
		token.ReasonKeysUnavailable:             {codes.Unavailable, codes.Unavailable},
		token.ReasonRevocationsUnavailable:      {codes.Unavailable, codes.Unavailable},
		token.ReasonOverloaded:                  {codes.ResourceExhausted, codes.ResourceExhausted},
		interceptor.ReasonTooOld:                {codes.Unauthenticated, codes.Unauthenticated},
		interceptor.ReasonScopeInsufficient:     {codes.PermissionDenied, codes.PermissionDenied},
		interceptor.ReasonClaimRequired:         {codes.PermissionDenied, codes.PermissionDenied},
		interceptor.ReasonIssuerNotAllowed:      {codes.PermissionDenied, codes.PermissionDenied},
		interceptor.ReasonCallNotAllowed:        {codes.PermissionDenied, codes.PermissionDenied},
		interceptor.ReasonPeerNotAllowed:        {codes.PermissionDenied, codes.Internal},
		interceptor.ReasonNoPolicy:              {codes.PermissionDenied, codes.Internal},
		interceptor.ReasonPolicyUnavailable:     {codes.Unavailable, codes.Unavailable},
		interceptor.ReasonRelayInsecure:         {codes.Internal, codes.Internal},
		"A_REASON_OF_A_LATER_VERSION":           {codes.Unauthenticated, codes.Internal},
		interceptor.ReasonCredentialUnavailable: {codes.Unavailable, codes.Unavailable},
	} {
		t.Run(string(reason), func(t *testing.T) {
			t.Parallel()
			before := with(t, test.from, interceptor.Domain, string(reason))
			after := interceptor.AsUpstream(before)
			wantRefusal(t, after, test.to, reason, "C")
			if changed := !same(after, before); changed != (test.from != test.to) {
				t.Errorf("changed: %v", changed)
			}
			if !errors.Is(after, before) {
				t.Error("what the later hop answered can't be found")
			}
			if again := interceptor.AsUpstream(after); status.Code(again) != test.to {
				t.Errorf("one hop further it is %v", status.Code(again))
			}
		})
	}
}

func TestOurOwnVerdictsMatchTheTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := serve(t, &service{}, w.server(t, interceptor.Authenticated()).Options()...)()
	err := interceptor.AsUpstream(callUnary(sending(t, "Bearer "+w.issuer.Token(jwttest.Forged())), client))
	if status.Code(err) != codes.Internal || status.Convert(err).Message() != "a service behind this one did not accept the call" {
		t.Errorf("got %v", err)
	}
}

// TestAbsurdStatuses has what a service that lies may put into a status.
func TestAbsurdStatuses(t *testing.T) {
	t.Parallel()
	info := func(domain, reason, hop string) *errdetails.ErrorInfo {
		return &errdetails.ErrorInfo{Domain: domain, Reason: reason, Metadata: map[string]string{"hop": hop}}
	}
	retry := func(d time.Duration) *errdetails.RetryInfo {
		return &errdetails.RetryInfo{RetryDelay: durationpb.New(d)}
	}
	long := strings.Repeat("x", 1<<16)
	for name, test := range map[string]struct {
		code    codes.Code
		details []protoadapt.MessageV1
		want    interceptor.Refusal
		to      codes.Code // by AsUpstream
	}{
		"two reasons": {
			codes.Unauthenticated, []protoadapt.MessageV1{info("jwtrelay", "KEY_UNKNOWN", "C"), info("jwtrelay", "TOKEN_EXPIRED", "D")},
			interceptor.Refusal{Reason: "KEY_UNKNOWN", Hop: "C"}, codes.Internal,
		},
		"an empty one behind": {
			codes.Unauthenticated, []protoadapt.MessageV1{info("jwtrelay", "KEY_UNKNOWN", "C"), info("jwtrelay", "", "")},
			interceptor.Refusal{Reason: "KEY_UNKNOWN", Hop: "C"}, codes.Internal,
		},
		"somebody else's before": {
			codes.Unauthenticated, []protoadapt.MessageV1{info("x", "Y", "Z"), info("jwtrelay", "KEY_UNKNOWN", "C")},
			interceptor.Refusal{Reason: "KEY_UNKNOWN", Hop: "C"}, codes.Internal,
		},
		"endless names": {
			codes.Unauthenticated, []protoadapt.MessageV1{info("jwtrelay", long, long)},
			interceptor.Refusal{Reason: token.Reason(long[:256]), Hop: long[:256]}, codes.Internal,
		},
		"retry in the past": {
			codes.Unavailable, []protoadapt.MessageV1{info("jwtrelay", "KEYS_UNAVAILABLE", ""), retry(-time.Hour)},
			interceptor.Refusal{Reason: "KEYS_UNAVAILABLE"}, codes.Unavailable,
		},
		"retry in a century": {
			codes.Unavailable, []protoadapt.MessageV1{retry(876_000 * time.Hour), info("jwtrelay", "KEYS_UNAVAILABLE", "")},
			interceptor.Refusal{Reason: "KEYS_UNAVAILABLE", RetryAfter: time.Hour}, codes.Unavailable,
		},
		"retry of what is final": {
			codes.Unauthenticated, []protoadapt.MessageV1{info("jwtrelay", "TOKEN_EXPIRED", ""), retry(time.Second)},
			interceptor.Refusal{Reason: "TOKEN_EXPIRED"}, codes.Unauthenticated,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := status.New(test.code, "text").WithDetails(test.details...)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := interceptor.RefusalFrom(s.Err())
			test.want.Code, test.want.Message = test.code, "text"
			if !ok || got != test.want {
				t.Errorf("got %+v, %v", got, ok)
			}
			if code := status.Code(interceptor.AsUpstream(s.Err())); code != test.to {
				t.Errorf("AsUpstream makes it %v, want %v", code, test.to)
			}
		})
	}
}

// TestRefusalOfAVerifier has what a queue consumer gets, who asks the verifier
// itself.
func TestRefusalOfAVerifier(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.verifier.Verify(t.Context(), w.issuer.Token(jwttest.Expired(time.Hour)))
	got, ok := interceptor.RefusalFrom(fmt.Errorf("job 7: %w", err))
	want := interceptor.Refusal{Reason: token.ReasonExpired, Code: codes.Unauthenticated, Message: "the token has expired"}
	if !ok || got != want {
		t.Errorf("got %+v, %v", got, ok)
	}
	away := token.NewError(token.ReasonKeysUnavailable, &keyset.UnavailableError{After: 7 * time.Second})
	got, ok = interceptor.RefusalFrom(away)
	if !ok || got.Code != codes.Unavailable || got.RetryAfter != 7*time.Second {
		t.Errorf("got %+v, %v", got, ok)
	}
}

func TestNeedsLogin(t *testing.T) {
	t.Parallel()
	for reason, want := range map[token.Reason]bool{
		token.ReasonMissing: true, token.ReasonExpired: true, token.ReasonRevoked: true, interceptor.ReasonTooOld: true,
		token.ReasonKeyUnknown: false, token.ReasonMalformed: false, token.ReasonKeysUnavailable: false, "": false,
	} {
		if got := (interceptor.Refusal{Reason: reason, Code: codes.Unauthenticated}).NeedsLogin(); got != want {
			t.Errorf("%s needs a login: %v", reason, got)
		}
	}
	if (interceptor.Refusal{Reason: token.ReasonExpired, Code: codes.Internal}).NeedsLogin() {
		t.Error("what a service told as its own fault needs a login")
	}
}
