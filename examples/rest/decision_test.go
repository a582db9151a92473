package main

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/metadata"
	"github.com/jwtrelay/jwtrelay/token"
)

// What a caller has to do about a token, as a challenge says it.
const (
	logIn    = `Bearer`
	getAnew  = `Bearer error="invalid_token"`
	noMatter = ``
)

// TestTheDecisionIsTheSameByAnyWay is the table of what is decided, for all
// ways into the service alike.
func TestTheDecisionIsTheSameByAnyWay(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	r := start(t, issuer)
	bearer := func(options ...jwttest.TokenOption) []string { return []string{"Bearer " + issuer.Token(options...)} }
	for name, test := range map[string]struct {
		authorization []string
		code          codes.Code
		reason        token.Reason
		challenge     string
	}{
		"a valid token":             {bearer(), codes.OK, "", noMatter},
		"no token":                  {nil, codes.Unauthenticated, token.ReasonMissing, logIn},
		"another scheme":            {[]string{"Basic YTpi"}, codes.Unauthenticated, token.ReasonMissing, logIn},
		"an expired token":          {bearer(jwttest.Expired(time.Hour)), codes.Unauthenticated, token.ReasonExpired, getAnew},
		"a forged token":            {bearer(jwttest.Forged()), codes.Unauthenticated, token.ReasonSignatureInvalid, getAnew},
		"a token for others":        {bearer(jwttest.Audience("others")), codes.Unauthenticated, token.ReasonAudienceMismatch, getAnew},
		"no token at all":           {[]string{"Bearer nonsense"}, codes.Unauthenticated, token.ReasonMalformed, getAnew},
		"two tokens":                {slices.Concat(bearer(), bearer()), codes.Unauthenticated, token.ReasonMalformed, getAnew},
		"a token and another value": {slices.Concat(bearer(), []string{"Basic YTpi"}), codes.Unauthenticated, token.ReasonMalformed, getAnew},
		"a token that is too large": {[]string{"Bearer " + strings.Repeat("a", metadata.DefaultLimit+1)}, codes.Unauthenticated, token.ReasonTooLarge, getAnew},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, entry := range entries {
				a := entry.call(t, r, test.authorization...)
				wantDecision(t, entry.name, a, test.code, test.reason, name)
				wantChallenge(t, entry.name, a, test.challenge)
				wantNoToken(t, entry.name, a, test.authorization)
			}
			wantNothingIn(t, r.log.String(), test.authorization)
		})
	}
}

func TestUnavailableKeysAre503AndSayWhenToRetry(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	issuer.Fail(http.StatusInternalServerError)
	r := startWithoutKeys(t, issuer)
	authorization := "Bearer " + issuer.Token()
	for _, entry := range entries {
		a := entry.call(t, r, authorization)
		wantDecision(t, entry.name, a, codes.Unavailable, token.ReasonKeysUnavailable, "no keys")
		wantChallenge(t, entry.name, a, noMatter)
		wantNoToken(t, entry.name, a, []string{authorization})
		if len(a.retry) != 1 {
			t.Fatalf("%s: %d times Retry-After", entry.name, len(a.retry))
		}
		if seconds, err := strconv.Atoi(a.retry[0]); err != nil || seconds < 1 {
			t.Errorf("%s: Retry-After: %q", entry.name, a.retry[0])
		}
	}
}

func TestHealthIsOpenByAnyWayAndFollowsTheKeys(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	issuer.Key("ES256")
	issuer.Fail(http.StatusInternalServerError)
	r := startWithoutKeys(t, issuer)
	wantHealth(t, r, http.StatusServiceUnavailable, healthpb.HealthCheckResponse_NOT_SERVING)
	issuer.Recover()
	watch, err := healthpb.NewHealthClient(dial(t, r.rpc)).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	for now := new(healthpb.HealthCheckResponse); now.GetStatus() != healthpb.HealthCheckResponse_SERVING; {
		if err != nil {
			t.Fatal(err)
		}
		now, err = watch.Recv()
	}
	wantHealth(t, r, http.StatusOK, healthpb.HealthCheckResponse_SERVING)
}

// wantHealth asks for the health by either way.
func wantHealth(t *testing.T, r *running, web int, rpc healthpb.HealthCheckResponse_ServingStatus) {
	t.Helper()
	if body, code, _ := send(t, r, http.MethodGet, "/healthz", "", nil); code != web {
		t.Errorf("HTTP: %d, %s", code, body)
	}
	response, err := healthpb.NewHealthClient(dial(t, r.rpc)).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || response.GetStatus() != rpc {
		t.Errorf("gRPC: %v, %v", response, err)
	}
}

// What is no call has nothing that could be decided about.
func TestWhatIsNoCallDoesNotGetAsFarAsThePolicy(t *testing.T) {
	t.Parallel()
	r := startWithoutKeys(t, jwttest.NewIssuer(t))
	for name, test := range map[string]struct {
		method, path, body string
		code               int
	}{
		"broken JSON":    {http.MethodPost, "/v1/echo", `{"message`, http.StatusBadRequest},
		"too much":       {http.MethodPost, "/v1/echo", `{"message":"` + strings.Repeat("a", maxBody) + `"}`, http.StatusBadRequest},
		"unknown path":   {http.MethodGet, "/v1/collect", "", http.StatusNotFound},
		"another method": {http.MethodGet, "/v1/echo", "", http.StatusNotImplemented},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, code, a := send(t, r, test.method, test.path, test.body, nil)
			if code != test.code || len(a.challenge) > 0 {
				t.Errorf("got %d with challenges %q: %s", code, a.challenge, body)
			}
		})
	}
}

// wantDecision checks what was decided, and by whom.
func wantDecision(t *testing.T, entry string, a answer, code codes.Code, reason token.Reason, what string) {
	t.Helper()
	if status.Code(a.err) != code {
		t.Errorf("%s: %s is %v, want %v", entry, what, status.Code(a.err), code)
	}
	if code == codes.OK {
		if a.subject != jwttest.DefaultSubject {
			t.Errorf("%s: %s was answered for %q", entry, what, a.subject)
		}
		return
	}
	refusal, _ := interceptor.RefusalFrom(a.err)
	if refusal.Reason != reason || refusal.Hop != name {
		t.Errorf("%s: %s was refused for %q by %q, want %q", entry, what, refusal.Reason, refusal.Hop, reason)
	}
	if a.subject != "" {
		t.Errorf("%s: %s was answered, too", entry, what)
	}
}

// wantChallenge checks that there is one challenge that begins with want, or
// none.
func wantChallenge(t *testing.T, entry string, a answer, want string) {
	t.Helper()
	switch {
	case want == noMatter:
		if len(a.challenge) > 0 {
			t.Errorf("%s: challenges %q, want none", entry, a.challenge)
		}
	case len(a.challenge) != 1 || !strings.HasPrefix(a.challenge[0], want) || (want == logIn && a.challenge[0] != logIn):
		t.Errorf("%s: challenges %q, want %q", entry, a.challenge, want)
	}
}

// wantNoToken checks that an answer shows nothing of what was sent.
func wantNoToken(t *testing.T, entry string, a answer, authorization []string) {
	t.Helper()
	for what, text := range map[string]string{"body": a.text, "challenge": strings.Join(a.challenge, "\n")} {
		if shows(text, authorization) {
			t.Errorf("%s: the %s shows the token", entry, what)
		}
	}
	if a.err != nil && shows(a.err.Error(), authorization) {
		t.Errorf("%s: the error shows the token", entry)
	}
}

// wantNothingIn checks that a log shows nothing of what was sent.
func wantNothingIn(t *testing.T, log string, authorization []string) {
	t.Helper()
	if shows(log, authorization) {
		t.Error("the log shows the token")
	}
}

// shows reports whether a part of a token that is longer than any word is in
// text.
func shows(text string, authorization []string) bool {
	for _, value := range authorization {
		for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ' ' || r == '.' }) {
			if len(part) > len("Bearer") && strings.Contains(text, part) {
				return true
			}
		}
	}
	return false
}
