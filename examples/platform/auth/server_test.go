package auth_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

const (
	issuer   = "https://auth.test"
	password = "correct horse battery staple"
)

// serve starts the HTTP side with one user, alice, who may read and write, and
// returns what it logs.
func serve(t *testing.T) (*httptest.Server, *auth.SigningKey, *bytes.Buffer) {
	t.Helper()
	key, err := auth.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	log := new(bytes.Buffer)
	server, err := auth.NewServer(auth.Config{
		Issuer: issuer, Audience: "platform", Lifetime: time.Minute, Key: key,
		Users:  auth.Memory{"alice": {Hash: newHash(t, password), Scopes: []string{"orders.read", "orders.write"}}},
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server.Handler())
	t.Cleanup(web.Close)
	return web, key, log
}

// newHash hashes a password cheaply.
func newHash(t *testing.T, password auth.Password) auth.Hash {
	t.Helper()
	hash, err := auth.NewHash(password, 1_000)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// answer is an answer over HTTP, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// do makes a request and returns the answer.
func do(t *testing.T, web *httptest.Server, method, path, body string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, web.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := web.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(text)}
}

func login(name, password string) string {
	return fmt.Sprintf(`{"username": %q, "password": %q}`, name, password)
}

func TestTheTokenOfALoginVerifiesWithThePublishedKeys(t *testing.T) {
	t.Parallel()
	web, _, log := serve(t)
	response := do(t, web, http.MethodPost, auth.LoginPath, login("alice", password))
	var grant auth.Grant
	if err := json.Unmarshal([]byte(response.body), &grant); err != nil {
		t.Fatalf("%d: %v", response.status, err)
	}
	if response.header.Get("Cache-Control") != "no-store" || grant.TokenType != "Bearer" || grant.ExpiresIn != 60 {
		t.Errorf("Cache-Control %q, type %q, expires in %d", response.header.Get("Cache-Control"), grant.TokenType, grant.ExpiresIn)
	}

	jwks := do(t, web, http.MethodGet, auth.JWKSPath, "").body
	keys, err := keyset.Parse([]byte(jwks), keyset.ParseConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if len(keys.Skipped()) != 0 || keys.Keys()[0].Algorithm() != keyset.ES256 {
		t.Errorf("keys are %v, skipped %v", keys.Keys(), keys.Skipped())
	}
	verifier, err := token.NewVerifier([]token.Issuer{{URL: issuer, Audiences: []string{"platform"}, Keys: keys}},
		token.MaxLifetime(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	verified, err := verifier.Verify(t.Context(), grant.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if verified.Subject() != "alice" || verified.ID() == "" {
		t.Errorf("subject %q, id %q", verified.Subject(), verified.ID())
	}
	if strings.Contains(log.String(), password) || strings.Contains(log.String(), grant.AccessToken) {
		t.Error("the log has the password or the token")
	}
}

func TestLoginRefusesWithoutSayingWhy(t *testing.T) {
	t.Parallel()
	web, _, log := serve(t)
	for name, test := range map[string]struct {
		body string
		want int
	}{
		"wrong password":  {login("alice", "hunter2"), http.StatusUnauthorized},
		"empty password":  {login("alice", ""), http.StatusUnauthorized},
		"unknown user":    {login("hunter2", password), http.StatusUnauthorized},
		"no user":         {login("", password), http.StatusUnauthorized},
		"no JSON":         {"hunter2", http.StatusBadRequest},
		"nothing":         {"", http.StatusBadRequest},
		"far too much":    {login("alice", strings.Repeat("hunter2", 1_000)), http.StatusBadRequest},
		"a list of users": {"[]", http.StatusBadRequest},
	} {
		response := do(t, web, http.MethodPost, auth.LoginPath, test.body)
		if response.status != test.want {
			t.Errorf("%s: %d, want %d", name, response.status, test.want)
		}
		if test.want == http.StatusUnauthorized && response.body != "wrong username or password\n" {
			t.Errorf("%s: the answer is %q", name, response.body)
		}
		if strings.Contains(response.body, "hunter2") {
			t.Errorf("%s: the answer repeats what was sent", name)
		}
	}
	if strings.Contains(log.String(), "hunter2") || strings.Contains(log.String(), password) {
		t.Error("the log has what was sent")
	}
	if got := do(t, web, http.MethodGet, auth.LoginPath, "").status; got != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d, want 405", got)
	}
}

func TestDiscoveryLeadsToTheKeys(t *testing.T) {
	t.Parallel()
	web, key, _ := serve(t)
	keys, err := keyset.Discover(issuer, keyset.RemoteConfig{Client: &http.Client{Transport: direct{web.Config.Handler}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = keys.Close() }()
	if err := keys.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Key(t.Context(), key.ID(), keyset.ES256); err != nil {
		t.Error(err)
	}
}

// direct answers requests to the issuer, wherever that would be.
type direct struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (d direct) RoundTrip(request *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	d.handler.ServeHTTP(answer, request)
	return answer.Result(), nil
}

func TestThePrivateKeyIsNotPublished(t *testing.T) {
	t.Parallel()
	web, key, _ := serve(t)
	jwks := do(t, web, http.MethodGet, auth.JWKSPath, "").body
	if strings.Contains(jwks, `"d"`) || !strings.Contains(jwks, key.ID()) {
		t.Errorf("published %s", jwks)
	}
}
