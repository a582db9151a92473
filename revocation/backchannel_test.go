package revocation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	logoutForm  = "application/x-www-form-urlencoded"
	logoutAud   = "web-app"

	// What must not be seen anywhere but in entries.
	secretSession = "sid-that-nobody-sees"
	secretUser    = "sub-that-nobody-sees"
	secretID      = "jti-that-nobody-sees"
)

// logoutWriter keeps what is published, or fails.
type logoutWriter struct {
	mu    sync.Mutex
	calls [][]revocation.Entry
	fail  func(ctx context.Context, call int) error // nil: never
	tried int
}

func (w *logoutWriter) Revoke(ctx context.Context, entries ...revocation.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tried++
	if w.fail != nil {
		if err := w.fail(ctx, w.tried); err != nil {
			return err
		}
	}
	w.calls = append(w.calls, entries)
	return nil
}

func (w *logoutWriter) published() [][]revocation.Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

func (w *logoutWriter) attempts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tried
}

// logoutLog is a log that several goroutines write, and what was observed.
type logoutLog struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen []revocation.Logout
}

func (l *logoutLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logoutLog) LoggedOut(_ context.Context, seen revocation.Logout) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, seen)
}

func (l *logoutLog) lines() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logoutLog) last(t *testing.T) revocation.Logout {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) == 0 {
		t.Fatal("nobody was told")
	}
	return l.seen[len(l.seen)-1]
}

// logouts is a provider and a handler that it tells about logouts.
type logouts struct {
	issuer  *jwttest.Issuer
	writer  *logoutWriter
	log     *logoutLog
	handler http.Handler
}

func newLogouts(t *testing.T, change func(*revocation.LogoutConfig), opts ...jwttest.Option) *logouts {
	t.Helper()
	l := &logouts{issuer: jwttest.NewIssuer(t, append(opts, jwttest.InMemory())...), writer: new(logoutWriter), log: new(logoutLog)}
	config := revocation.LogoutConfig{
		Issuers:  []token.Issuer{trustLogouts(l.issuer)},
		Logger:   slog.New(slog.NewTextHandler(l.log, nil)),
		Observer: l.log,
	}
	if change != nil {
		change(&config)
	}
	l.handler = logoutHandler(t, l.writer, config)
	return l
}

func trustLogouts(issuer *jwttest.Issuer) token.Issuer {
	return token.Issuer{URL: issuer.URL(), Audiences: []string{logoutAud}, Keys: issuer.Keys()}
}

func logoutHandler(t *testing.T, writer revocation.Writer, config revocation.LogoutConfig) http.Handler {
	t.Helper()
	handler, err := revocation.BackChannelLogout(writer, config)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// logoutToken returns a logout token that is as it should be, unless options say
// otherwise.
func logoutToken(issuer *jwttest.Issuer, opts ...jwttest.TokenOption) string {
	return issuer.Token(append([]jwttest.TokenOption{
		jwttest.Header("typ", "logout+jwt"),
		jwttest.Audience(logoutAud),
		jwttest.Subject(secretUser),
		jwttest.ID(secretID),
		jwttest.ExpiresIn(2 * time.Minute),
		jwttest.Claim("sid", secretSession),
		jwttest.Claim("events", json.RawMessage(`{"`+logoutEvent+`":{}}`)),
	}, opts...)...)
}

// logoutAnswer is an answer.
type logoutAnswer struct {
	status      int
	header      http.Header
	body        string
	code        string
	description string
}

// ask sends a request to the handler and checks what holds for every answer: it is
// not cached, and neither it nor the log nor errors have anything of the token.
func (l *logouts) ask(t *testing.T, r *http.Request, raw string) logoutAnswer {
	t.Helper()
	recorder := httptest.NewRecorder()
	l.handler.ServeHTTP(recorder, r)
	got := logoutAnswer{status: recorder.Code, header: recorder.Header(), body: recorder.Body.String()}
	if got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control is %q", got.header.Get("Cache-Control"))
	}
	seen := l.log.last(t)
	if seen.Status != got.status || (seen.Err == nil) != (got.status == http.StatusOK) {
		t.Errorf("status %d, but the observer was told %d, %v", got.status, seen.Status, seen.Err)
	}
	said := got.body + l.log.lines()
	if seen.Err != nil {
		said += seen.Err.Error()
	}
	for _, secret := range append(strings.Split(raw, "."), secretSession, secretUser, secretID) {
		if len(secret) > 8 && strings.Contains(said, secret) {
			t.Error("something of the token is in the answer, the log or the error")
		}
	}
	got.parse(t)
	return got
}

// parse reads the body of section 2.8.
func (a *logoutAnswer) parse(t *testing.T) {
	t.Helper()
	if a.status == http.StatusOK {
		if a.body != "" {
			t.Errorf("body is %q", a.body)
		}
		return
	}
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || body.Error == "" || body.Description == "" {
		t.Errorf("body is %q: %v", a.body, err)
	}
	if a.header.Get("Content-Type") != "application/json" {
		t.Errorf("Content-Type is %q", a.header.Get("Content-Type"))
	}
	a.code, a.description = body.Error, body.Description
}

func (l *logouts) post(t *testing.T, raw string) logoutAnswer {
	t.Helper()
	return l.ask(t, logoutRequest(t, raw), raw)
}

func logoutRequest(t testing.TB, raw string) *http.Request {
	t.Helper()
	return formRequest(t, url.Values{"logout_token": {raw}}.Encode())
}

func formRequest(t testing.TB, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://rp.test/logout", strings.NewReader(body))
	r.Header.Set("Content-Type", logoutForm)
	return r
}

// TestLogoutTokens has a row for each rule of sections 2.4 and 2.6.
func TestLogoutTokens(t *testing.T) {
	t.Parallel()
	claim := func(name, value string) jwttest.TokenOption { return jwttest.Claim(name, json.RawMessage(value)) }
	now := time.Now()
	for _, test := range []struct {
		name string
		opts []jwttest.TokenOption
		want string // the description, "" if it is accepted
	}{
		{"all there", nil, ""},
		{"typ in capitals", []jwttest.TokenOption{jwttest.Header("typ", "Logout+JWT")}, ""},
		{"typ with application/", []jwttest.TokenOption{jwttest.Header("typ", "application/logout+jwt")}, ""},
		{"typ JWT", []jwttest.TokenOption{jwttest.Header("typ", "JWT")}, "the token is of a kind that is not supported"},
		{"typ of an access token", []jwttest.TokenOption{jwttest.Header("typ", "at+jwt")}, "the token is of a kind that is not supported"},
		{"typ of another event", []jwttest.TokenOption{jwttest.Header("typ", "secevent+jwt")}, "the token is of a kind that is not supported"},
		{"no typ", []jwttest.TokenOption{jwttest.WithoutHeader("typ")}, "the token is of a kind that is not supported"},
		{"alg none by name", []jwttest.TokenOption{jwttest.Header("alg", "none")}, "the token is of a kind that is not supported"},
		{"alg that no key is for", []jwttest.TokenOption{jwttest.Header("alg", "RS256")}, "the token is of a kind that is not supported"},
		{"forged", []jwttest.TokenOption{jwttest.Forged()}, "the token's signature is invalid"},
		{"a key of nobody", []jwttest.TokenOption{jwttest.Header("kid", "another")}, "the token's key is not known"},

		{"another issuer", []jwttest.TokenOption{jwttest.IssuedBy("https://evil.test")}, "the token's issuer is not trusted"},
		{"no iss", []jwttest.TokenOption{jwttest.Without("iss")}, "the token's issuer is not trusted"},
		{"another client", []jwttest.TokenOption{jwttest.Audience("other-app")}, "the token is not meant for this service"},
		{"several clients", []jwttest.TokenOption{jwttest.Audience("other-app", logoutAud)}, ""},
		{"no aud", []jwttest.TokenOption{jwttest.Without("aud")}, "the token is not meant for this service"},
		{"no iat", []jwttest.TokenOption{jwttest.Without("iat")}, "the token's claims are invalid"},
		{"iat in the future", []jwttest.TokenOption{jwttest.IssuedAt(now.Add(time.Hour)), claim("exp", "9999999999")}, "the token is not valid yet"},
		{"iat in 1970", []jwttest.TokenOption{claim("iat", "0")}, "the token's claims are invalid"},
		{"iat a string", []jwttest.TokenOption{claim("iat", `"1"`)}, "the token's claims are invalid"},
		{"no exp", []jwttest.TokenOption{jwttest.Without("exp")}, "the token's claims are invalid"},
		{"expired", []jwttest.TokenOption{jwttest.IssuedAt(now.Add(-time.Hour)), jwttest.ExpiresIn(-time.Minute)}, "the token has expired"},
		{"lives for 10 minutes", []jwttest.TokenOption{jwttest.IssuedAt(now.Add(-time.Minute)), jwttest.ExpiresIn(8 * time.Minute)}, ""},
		{"lives for a day", []jwttest.TokenOption{jwttest.ExpiresIn(24 * time.Hour)}, "the token's claims are invalid"},
		{"no jti", []jwttest.TokenOption{jwttest.Without("jti")}, "jti is missing or empty"},
		{"jti empty", []jwttest.TokenOption{jwttest.ID("")}, "jti is missing or empty"},
		{"jti a number", []jwttest.TokenOption{claim("jti", "7")}, "the token's claims are invalid"},

		{"no events", []jwttest.TokenOption{jwttest.Without("events")}, "events has no back-channel logout event"},
		{"events null", []jwttest.TokenOption{claim("events", "null")}, "events has no back-channel logout event"},
		{"events empty", []jwttest.TokenOption{claim("events", "{}")}, "events has no back-channel logout event"},
		{"events a list, as in drafts", []jwttest.TokenOption{claim("events", `["`+logoutEvent+`"]`)}, "the token's claims are invalid"},
		{"events a string", []jwttest.TokenOption{claim("events", `"`+logoutEvent+`"`)}, "the token's claims are invalid"},
		{"another event", []jwttest.TokenOption{claim("events", `{"http://schemas.openid.net/event/other":{}}`)}, "events has no back-channel logout event"},
		{"the event in https", []jwttest.TokenOption{claim("events", `{"https://schemas.openid.net/event/backchannel-logout":{}}`)}, "events has no back-channel logout event"},
		{"the event in capitals", []jwttest.TokenOption{claim("events", `{"`+strings.ToUpper(logoutEvent)+`":{}}`)}, "events has no back-channel logout event"},
		{"the event and another", []jwttest.TokenOption{claim("events", `{"`+logoutEvent+`":{},"x":true}`)}, ""},
		{"the event with content", []jwttest.TokenOption{claim("events", `{"`+logoutEvent+`":{"a":[1]}}`)}, ""},
		{"the event null", []jwttest.TokenOption{claim("events", `{"`+logoutEvent+`":null}`)}, "the back-channel logout event is not an object"},
		{"the event true", []jwttest.TokenOption{claim("events", `{"`+logoutEvent+`":true}`)}, "the back-channel logout event is not an object"},
		{"the event a list", []jwttest.TokenOption{claim("events", `{"`+logoutEvent+`":[]}`)}, "the back-channel logout event is not an object"},
		{"the event twice", []jwttest.TokenOption{claim("events", `{"`+logoutEvent+`":{},"`+logoutEvent+`":{}}`)}, "the token is malformed"},

		{"nonce", []jwttest.TokenOption{jwttest.Claim("nonce", "n")}, "nonce is present"},
		{"nonce empty", []jwttest.TokenOption{jwttest.Claim("nonce", "")}, "nonce is present"},
		{"nonce null", []jwttest.TokenOption{claim("nonce", "null")}, "nonce is present"},

		{"only sid", []jwttest.TokenOption{jwttest.Without("sub")}, ""},
		{"only sub", []jwttest.TokenOption{jwttest.Without("sid")}, ""},
		{"neither", []jwttest.TokenOption{jwttest.Without("sid", "sub")}, "sid and sub are missing"},
		{"sid empty, sub there", []jwttest.TokenOption{jwttest.Claim("sid", "")}, "sid or sub is empty"},
		{"sub empty, sid there", []jwttest.TokenOption{jwttest.Subject("")}, "sid or sub is empty"},
		{"sid a number", []jwttest.TokenOption{claim("sid", "7")}, "the token's claims are invalid"},
		{"sid null", []jwttest.TokenOption{claim("sid", "null")}, "the token's claims are invalid"},
		{"sid too long", []jwttest.TokenOption{jwttest.Claim("sid", strings.Repeat("s", 1025))}, "sid or sub is too long"},
		{"sub too long", []jwttest.TokenOption{jwttest.Subject(strings.Repeat("s", 1025)), jwttest.Without("sid")}, "sid or sub is too long"},
		{"claims that nobody knows", []jwttest.TokenOption{jwttest.Claim("trace_id", "t"), jwttest.Claim("typ", "Logout")}, ""},
		{"huge", []jwttest.TokenOption{jwttest.Claim("x", strings.Repeat("x", 20<<10))}, "the token is too large"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := newLogouts(t, nil)
			wantLogout(t, l, logoutToken(l.issuer, test.opts...), test.want)
		})
	}
}

// wantLogout checks that a logout token is published, or refused for a reason.
func wantLogout(t *testing.T, l *logouts, raw, description string) {
	t.Helper()
	got := l.post(t, raw)
	if description == "" {
		if got.status != http.StatusOK || len(l.writer.published()) != 1 {
			t.Errorf("status %d, %q, published %d times", got.status, got.description, len(l.writer.published()))
		}
		return
	}
	if got.status != http.StatusBadRequest || got.code != "invalid_request" || got.description != description {
		t.Errorf("status %d, %q, %q, want %q", got.status, got.code, got.description, description)
	}
	if l.writer.attempts() != 0 {
		t.Error("it was published")
	}
	if !strings.Contains(l.log.lines(), description) {
		t.Errorf("the log is %q", l.log.lines())
	}
}

func TestLogoutTokensByHand(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]func(l *logouts) string{
		"not signed": func(l *logouts) string {
			_, payload, _, err := jwttest.Decode(logoutToken(l.issuer))
			if err != nil {
				t.Error(err)
			}
			return jwttest.Encode(`{"alg":"none","typ":"logout+jwt"}`, payload, nil)
		},
		"tampered":             func(l *logouts) string { return jwttest.Tamper(logoutToken(l.issuer)) },
		"encrypted":            func(*logouts) string { return "a.b.c.d.e" },
		"no token at all":      func(*logouts) string { return "null" },
		"with space around":    func(l *logouts) string { return " " + logoutToken(l.issuer) },
		"with Bearer":          func(l *logouts) string { return "Bearer " + logoutToken(l.issuer) },
		"an access token":      func(l *logouts) string { return l.issuer.Token(jwttest.Audience(logoutAud)) },
		"an ID token":          func(l *logouts) string { return idToken(l.issuer) },
		"two, comma separated": func(l *logouts) string { return logoutToken(l.issuer) + "," + logoutToken(l.issuer) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Even who accepts untyped ones must not take one for another.
			l := newLogouts(t, func(c *revocation.LogoutConfig) { c.AllowUntyped = true })
			if got := l.post(t, raw(l)); got.status != http.StatusBadRequest || l.writer.attempts() != 0 {
				t.Errorf("status %d", got.status)
			}
		})
	}
}

func idToken(issuer *jwttest.Issuer) string {
	return issuer.Token(jwttest.Audience(logoutAud), jwttest.Claim("nonce", "n"), jwttest.Claim("sid", secretSession),
		jwttest.ExpiresIn(5*time.Minute), jwttest.Claim("at_hash", "x"))
}

func TestUntypedLogoutTokens(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		typ  jwttest.TokenOption
		want int
	}{
		"JWT":        {jwttest.Header("typ", "JWT"), http.StatusOK},
		"none":       {jwttest.WithoutHeader("typ"), http.StatusOK},
		"logout+jwt": {jwttest.Header("typ", "logout+jwt"), http.StatusOK},
		"at+jwt":     {jwttest.Header("typ", "at+jwt"), http.StatusBadRequest},
		"empty":      {jwttest.Header("typ", ""), http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLogouts(t, func(c *revocation.LogoutConfig) { c.AllowUntyped = true })
			if got := l.post(t, logoutToken(l.issuer, test.typ)); got.status != test.want {
				t.Errorf("status %d, %q", got.status, got.description)
			}
		})
	}
}

func TestWhatALogoutRevokes(t *testing.T) {
	t.Parallel()
	issued := time.Now().Add(-30 * time.Second).Truncate(time.Second)
	for name, test := range map[string]struct {
		everySession bool
		opts         []jwttest.TokenOption
		session      bool
		principal    bool
	}{
		"sid and sub":                {false, nil, true, false},
		"sid":                        {false, []jwttest.TokenOption{jwttest.Without("sub")}, true, false},
		"sub":                        {false, []jwttest.TokenOption{jwttest.Without("sid")}, false, true},
		"sid and sub, every session": {true, nil, true, true},
		"sid, every session":         {true, []jwttest.TokenOption{jwttest.Without("sub")}, true, false},
		"sub, every session":         {true, []jwttest.TokenOption{jwttest.Without("sid")}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLogouts(t, func(c *revocation.LogoutConfig) { c.EverySession = test.everySession })
			l.post(t, logoutToken(l.issuer, append(test.opts, jwttest.IssuedAt(issued))...))
			var want []revocation.Entry
			if test.session {
				want = append(want, revocation.Session(l.issuer.URL(), secretSession).At(issued))
			}
			if test.principal {
				who := token.Principal{Issuer: l.issuer.URL(), Subject: secretUser}
				want = append(want, revocation.Principal(who, issued).At(issued))
			}
			if got := l.writer.published(); len(got) != 1 || !slices.Equal(got[0], want) {
				t.Errorf("published %v, want %v", got, want)
			}
			seen := l.log.last(t)
			if seen.Issuer != l.issuer.URL() || !slices.Equal(seen.Entries, want) || seen.Replayed {
				t.Errorf("observed %+v", seen)
			}
		})
	}
}

// TestLogoutRequests has a row for each rule of section 2.5 and of HTTP.
func TestLogoutRequests(t *testing.T) {
	t.Parallel()
	form := func(raw string) string { return "logout_token=" + raw }
	for _, test := range []struct {
		name   string
		change func(r *http.Request)
		body   func(raw string) string
		want   int
	}{
		{"as it should be", nil, form, 200},
		{"a charset", func(r *http.Request) { r.Header.Set("Content-Type", logoutForm+"; charset=UTF-8") }, form, 200},
		{"the type in capitals", func(r *http.Request) { r.Header.Set("Content-Type", strings.ToUpper(logoutForm)) }, form, 200},
		{"other parameters", nil, func(raw string) string { return "a=b&logout_token=" + raw + "&c" }, 200},
		{"the name encoded", nil, func(raw string) string { return "logout%5Ftoken=" + raw }, 200},
		{"the token encoded", nil, func(raw string) string { return form(strings.ReplaceAll(raw, ".", "%2E")) }, 200},
		{"a query", func(r *http.Request) { r.URL.RawQuery = "tenant=7" }, form, 200},

		{"GET", func(r *http.Request) { r.Method = http.MethodGet }, form, 405},
		{"HEAD", func(r *http.Request) { r.Method = http.MethodHead }, form, 405},
		{"PUT", func(r *http.Request) { r.Method = http.MethodPut }, form, 405},
		{"OPTIONS", func(r *http.Request) { r.Method = http.MethodOptions }, form, 405},
		{"post in lower case", func(r *http.Request) { r.Method = "post" }, form, 405},
		{"POST only by override", func(r *http.Request) {
			r.Method = http.MethodGet
			r.Header.Set("X-HTTP-Method-Override", http.MethodPost)
		}, form, 405},

		{"no type", func(r *http.Request) { r.Header.Del("Content-Type") }, form, 415},
		{"JSON", func(r *http.Request) { r.Header.Set("Content-Type", "application/json") },
			func(raw string) string { return `{"logout_token":"` + raw + `"}` }, 415},
		{"a form with files", func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") }, form, 415},
		{"text", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, form, 415},
		{"a type that goes on", func(r *http.Request) { r.Header.Set("Content-Type", logoutForm+"-x") }, form, 415},
		{"a type that can't be read", func(r *http.Request) { r.Header.Set("Content-Type", logoutForm+"; charset") }, form, 415},
		{"another charset", func(r *http.Request) { r.Header.Set("Content-Type", logoutForm+"; charset=utf-16") }, form, 415},
		{"two types", func(r *http.Request) { r.Header.Add("Content-Type", "text/plain") }, form, 415},
		{"compressed", func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, form, 415},

		{"nothing", nil, func(string) string { return "" }, 400},
		{"another name", nil, func(raw string) string { return "token=" + raw }, 400},
		{"the name in capitals", nil, func(raw string) string { return "LOGOUT_TOKEN=" + raw }, 400},
		{"an empty token", nil, func(string) string { return "logout_token=" }, 400},
		{"two tokens", nil, func(raw string) string { return form(raw) + "&" + form(raw) }, 400},
		{"a token and an empty one", nil, func(raw string) string { return form(raw) + "&logout_token" }, 400},
		{"two tokens, one name encoded", nil, func(raw string) string { return form(raw) + "&logout%5ftoken=" + raw }, 400},
		{"semicolons", nil, func(raw string) string { return form(raw) + ";a=b" }, 400},
		{"a bad escape", nil, func(raw string) string { return form(raw) + "&a=%zz" }, 400},
		{"a token in the query too", func(r *http.Request) { r.URL.RawQuery = "logout_token=x" }, form, 400},
		{"a token in the query only", func(r *http.Request) { r.URL.RawQuery = "logout_token=x" }, func(string) string { return "" }, 400},
		{"a query with the name encoded", func(r *http.Request) { r.URL.RawQuery = "logout%5ftoken" }, form, 400},
		{"a query that can't be read", func(r *http.Request) { r.URL.RawQuery = "a;logout_token=x" }, form, 400},

		{"a body of 64 KiB", nil, func(raw string) string { return pad(form(raw), 64<<10) }, 200},
		{"a byte more", nil, func(raw string) string { return pad(form(raw), 64<<10+1) }, 413},
		{"a byte more of unknown length", func(r *http.Request) { r.ContentLength = -1 },
			func(raw string) string { return pad(form(raw), 64<<10+1) }, 413},
		{"100 MB promised", func(r *http.Request) { r.ContentLength = 100 << 20 }, form, 413},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := newLogouts(t, nil)
			raw := logoutToken(l.issuer)
			r := formRequest(t, test.body(raw))
			if test.change != nil {
				test.change(r)
			}
			got := l.ask(t, r, raw)
			if got.status != test.want || len(l.writer.published()) != map[bool]int{true: 1}[test.want == 200] {
				t.Errorf("status %d, %q, want %d; published %v", got.status, got.description, test.want, l.writer.published())
			}
			if allow := got.header.Get("Allow"); (allow == "POST") != (test.want == 405) {
				t.Errorf("Allow is %q", allow)
			}
		})
	}
}

// pad returns a body of so many bytes.
func pad(body string, size int) string {
	return body + "&p=" + strings.Repeat("p", size-len(body)-3)
}

// endless is a body that nobody should read to its end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return copy(p, bytes.Repeat([]byte{'a'}, len(p))), nil
}

func TestAnEndlessLogoutIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	l := newLogouts(t, nil)
	body := new(endless)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/logout", body)
	r.ContentLength = -1
	r.Header.Set("Content-Type", logoutForm)
	if got := l.ask(t, r, ""); got.status != http.StatusRequestEntityTooLarge || body.read > 256<<10 {
		t.Errorf("status %d after %d bytes", got.status, body.read)
	}
}

func TestABodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	l := newLogouts(t, nil)
	raw := logoutToken(l.issuer)
	r := formRequest(t, "")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("logout_token="+raw), failingReader{}))
	if got := l.ask(t, r, raw); got.status != http.StatusBadRequest || l.writer.attempts() != 0 {
		t.Errorf("status %d", got.status)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestLogoutConfigMistakes(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	for name, test := range map[string]struct {
		change func(c *revocation.LogoutConfig)
		want   string
	}{
		"no issuers":             {func(c *revocation.LogoutConfig) { c.Issuers = nil }, "no issuers"},
		"no audience":            {func(c *revocation.LogoutConfig) { c.Issuers[0].Audiences = nil }, "no Audiences"},
		"any audience":           {func(c *revocation.LogoutConfig) { c.Issuers[0].Audiences, c.Issuers[0].AnyAudience = nil, "why not" }, "AnyAudience"},
		"no keys":                {func(c *revocation.LogoutConfig) { c.Issuers[0].Keys = nil }, "no Keys"},
		"an issuer twice":        {func(c *revocation.LogoutConfig) { c.Issuers = append(c.Issuers, c.Issuers[0]) }, "twice"},
		"a negative lifetime":    {func(c *revocation.LogoutConfig) { c.MaxLifetime = -1 }, "MaxLifetime"},
		"a lifetime of years":    {func(c *revocation.LogoutConfig) { c.MaxLifetime = 1e17 }, "MaxLifetime"},
		"a negative leeway":      {func(c *revocation.LogoutConfig) { c.Leeway = -1 }, "Leeway"},
		"a leeway of an hour":    {func(c *revocation.LogoutConfig) { c.Leeway = time.Hour }, "Leeway"},
		"a negative timeout":     {func(c *revocation.LogoutConfig) { c.Timeout = -1 }, "Timeout"},
		"a timeout of an hour":   {func(c *revocation.LogoutConfig) { c.Timeout = time.Hour }, "Timeout"},
		"a timeout of 10 (ns)":   {func(c *revocation.LogoutConfig) { c.Timeout = 10 }, "Timeout"},
		"a lifetime of 120 (ns)": {func(c *revocation.LogoutConfig) { c.MaxLifetime = 120 }, "MaxLifetime"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := revocation.LogoutConfig{Issuers: []token.Issuer{trustLogouts(issuer)}}
			test.change(&config)
			handler, err := revocation.BackChannelLogout(new(logoutWriter), config)
			if handler != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v", err)
			}
		})
	}
	if _, err := revocation.BackChannelLogout(nil, revocation.LogoutConfig{Issuers: []token.Issuer{trustLogouts(issuer)}}); err == nil {
		t.Error("no writer is no error")
	}
}

func TestTheReasonOfARefusedLogoutIsFound(t *testing.T) {
	t.Parallel()
	l := newLogouts(t, nil)
	l.post(t, logoutToken(l.issuer, jwttest.Audience("other-app")))
	if reason := token.ReasonOf(l.log.last(t).Err); reason != token.ReasonAudienceMismatch {
		t.Errorf("reason is %q", reason)
	}
}
