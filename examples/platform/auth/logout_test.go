package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// lodge is an auth role whose users can log out: alice and bob, and erin, who may
// log out others.
type lodge struct {
	web      *httptest.Server
	key      *auth.SigningKey
	verifier *token.Verifier // as services have it
	log      *strings.Builder
	writer   *failing
}

// failing is a list that can't be written to while err is not nil.
type failing struct {
	*revocation.List
	err error
}

func (f *failing) Revoke(ctx context.Context, entries ...revocation.Entry) error {
	if f.err != nil {
		return f.err
	}
	return f.List.Revoke(ctx, entries...)
}

func newLodge(t *testing.T) *lodge {
	t.Helper()
	list, err := revocation.NewList(revocation.Config{MaxLifetime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	key, err := auth.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	l := &lodge{key: key, log: new(strings.Builder), writer: &failing{List: list}}
	hash := newHash(t, password)
	server, err := auth.NewServer(auth.Config{
		Issuer: issuer, Audience: "platform", Lifetime: time.Minute, Key: key,
		Users: auth.Memory{
			"alice": {Hash: hash, Scopes: []string{"orders.read"}},
			"bob":   {Hash: hash},
			"erin":  {Hash: hash, Scopes: []string{auth.ScopeUsersAdmin}},
		},
		Logger: slog.New(slog.NewTextHandler(l.log, nil)), Revocations: l.writer,
	})
	if err != nil {
		t.Fatal(err)
	}
	l.web = httptest.NewServer(server.Handler())
	t.Cleanup(l.web.Close)
	keys, err := keyset.Parse([]byte(do(t, l.web, http.MethodGet, auth.JWKSPath, "").body), keyset.ParseConfig{})
	if err != nil {
		t.Fatal(err)
	}
	l.verifier, err = token.NewVerifier([]token.Issuer{{URL: issuer, Audiences: []string{"platform"}, Keys: keys}},
		token.MaxLifetime(time.Minute), token.WithRevocations(list))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// login returns a new token of a user.
func (l *lodge) login(t *testing.T, user string) string {
	t.Helper()
	var grant auth.Grant
	if err := json.Unmarshal([]byte(do(t, l.web, http.MethodPost, auth.LoginPath, login(user, password)).body), &grant); err != nil {
		t.Fatal(err)
	}
	return grant.AccessToken
}

// post makes a request with a token, and returns the status and the body.
func (l *lodge) post(t *testing.T, raw, path, body string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.web.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if raw != "" {
		request.Header.Set("Authorization", "Bearer "+raw)
	}
	response, err := l.web.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(text)}
}

// wantStatus posts, and checks the status.
func (l *lodge) wantStatus(t *testing.T, want int, raw, path, body string) {
	t.Helper()
	if got := l.post(t, raw, path, body); got.status != want {
		t.Errorf("%s: %d %s, want %d", path, got.status, got.body, want)
	}
}

// wantGood checks whether services accept a token.
func (l *lodge) wantGood(t *testing.T, what, raw string, want bool) {
	t.Helper()
	_, err := l.verifier.Verify(t.Context(), raw)
	if good := err == nil; good != want || !good && token.ReasonOf(err) != token.ReasonRevoked {
		t.Errorf("%s: %v, want it to be good: %v", what, err, want)
	}
}

// earlier returns a token that a user got some seconds ago.
func (l *lodge) earlier(t *testing.T, user string) string {
	t.Helper()
	issued := time.Now().Add(-10 * time.Second)
	raw, err := l.key.Sign(auth.NewClaims(issuer, "platform", user, nil, issued, issued.Add(time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestEachLoginIsASessionOfItsOwn(t *testing.T) {
	t.Parallel()
	l := newLodge(t)
	seen := make(map[string]bool)
	for range 3 {
		verified, err := l.verifier.Verify(t.Context(), l.login(t, "alice"))
		if err != nil {
			t.Fatal(err)
		}
		seen[verified.Session()] = true
	}
	if len(seen) != 3 || seen[""] {
		t.Errorf("sessions: %v", seen)
	}
}

func TestLogoutEndsThisSession(t *testing.T) {
	t.Parallel()
	l := newLodge(t)
	laptop, phone, bob := l.login(t, "alice"), l.login(t, "alice"), l.login(t, "bob")
	l.wantStatus(t, http.StatusNoContent, laptop, auth.LogoutPath, "")
	l.wantGood(t, "the session that was logged out", laptop, false)
	l.wantGood(t, "the other session", phone, true)
	l.wantGood(t, "bob", bob, true)
	l.wantGood(t, "a login right afterwards", l.login(t, "alice"), true)
	if again := l.post(t, laptop, auth.LogoutPath, ""); again.status != http.StatusUnauthorized || again.header.Get("WWW-Authenticate") == "" {
		t.Errorf("a second logout: %d", again.status)
	}
	if text := l.log.String(); !strings.Contains(text, "logged out") || strings.Contains(text, "eyJhbGci") {
		t.Errorf("the log has\n%s", text)
	}
}

func TestLogoutEverywhereEndsAllSessions(t *testing.T) {
	t.Parallel()
	l := newLodge(t)
	laptop, phone, bob := l.login(t, "alice"), l.earlier(t, "alice"), l.earlier(t, "bob")
	l.wantStatus(t, http.StatusNoContent, laptop, auth.LogoutEverywherePath, "")
	l.wantGood(t, "the session that asked", laptop, false)
	l.wantGood(t, "an earlier session", phone, false)
	l.wantGood(t, "bob", bob, true)
	l.wantGood(t, "a login right afterwards", l.login(t, "alice"), true)
}

func TestAnAdministratorLogsAUserOut(t *testing.T) {
	t.Parallel()
	l := newLodge(t)
	alice, before, bob, erin := l.login(t, "alice"), l.earlier(t, "alice"), l.login(t, "bob"), l.login(t, "erin")
	l.wantStatus(t, http.StatusForbidden, bob, auth.RevokeUserPath, `{"username": "alice"}`)
	l.wantGood(t, "alice, whom bob may not log out", alice, true)
	for _, body := range []string{"", "[]", "{}", `{"username": ""}`, `{"username": "` + strings.Repeat("a", 2_000) + `"}`, strings.Repeat(" ", 10_000)} {
		l.wantStatus(t, http.StatusBadRequest, erin, auth.RevokeUserPath, body)
	}
	l.wantStatus(t, http.StatusNoContent, erin, auth.RevokeUserPath, `{"username": "alice"}`)
	l.wantGood(t, "a session of this second", alice, false)
	l.wantGood(t, "an earlier session", before, false)
	l.wantGood(t, "bob", bob, true)
	l.wantStatus(t, http.StatusNoContent, erin, auth.RevokeUserPath, `{"username": "somebody who has left"}`)
}

func TestWhoIsLoggedOutLogsNobodyOut(t *testing.T) {
	t.Parallel()
	l := newLodge(t)
	alice, erin := l.login(t, "alice"), l.login(t, "erin")
	l.wantStatus(t, http.StatusNoContent, erin, auth.LogoutPath, "")
	for _, raw := range []string{"", "nonsense", erin} {
		l.wantStatus(t, http.StatusUnauthorized, raw, auth.RevokeUserPath, `{"username": "alice"}`)
		l.wantStatus(t, http.StatusUnauthorized, raw, auth.LogoutPath, "")
		l.wantStatus(t, http.StatusUnauthorized, raw, auth.LogoutEverywherePath, "")
	}
	l.wantGood(t, "alice", alice, true)
}

func TestALogoutThatIsNotKeptIsNoLogout(t *testing.T) {
	t.Parallel()
	l := newLodge(t)
	alice := l.login(t, "alice")
	l.writer.err = errors.New("disk full")
	got := l.post(t, alice, auth.LogoutPath, "")
	if got.status != http.StatusServiceUnavailable || strings.Contains(got.body, "disk") {
		t.Errorf("got %d %q, want 503 without the cause", got.status, got.body)
	}
	l.wantGood(t, "the token", alice, true)
	l.writer.err = nil
	l.wantStatus(t, http.StatusNoContent, alice, auth.LogoutPath, "")
}

func TestWithoutRevocationsNobodyLogsOut(t *testing.T) {
	t.Parallel()
	web, _, _ := serve(t)
	for _, path := range []string{auth.LogoutPath, auth.LogoutEverywherePath, auth.RevokeUserPath} {
		if got := do(t, web, http.MethodPost, path, "").status; got != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, got)
		}
	}
}
