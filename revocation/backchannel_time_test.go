package revocation_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestAReplayedLogoutIsNotPublishedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLogouts(t, nil)
		raw := logoutToken(l.issuer)
		for range 3 {
			if got := l.post(t, raw); got.status != http.StatusOK {
				t.Errorf("status %d, %q", got.status, got.description)
			}
			time.Sleep(time.Minute / 2)
		}
		if seen := l.log.last(t); !seen.Replayed || len(seen.Entries) != 1 {
			t.Errorf("observed %+v", seen)
		}
		time.Sleep(token.DefaultLeeway + time.Minute/2) // 2 minutes, and the leeway
		if got := l.post(t, raw); got.status != http.StatusBadRequest {
			t.Errorf("status %d of a replay of an expired one", got.status)
		}
		if n := len(l.writer.published()); n != 1 {
			t.Errorf("published %d times", n)
		}
	})
}

func TestTheClockOfLogouts(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, test := range map[string]struct {
		now    time.Time
		leeway time.Duration
		want   string
	}{
		"right":                 {now, 0, ""},
		"within the leeway":     {now.Add(2*time.Minute + 25*time.Second), 0, ""},
		"past it":               {now.Add(2*time.Minute + 35*time.Second), 0, "the token has expired"},
		"within another leeway": {now.Add(2*time.Minute + 35*time.Second), time.Minute, ""},
		"behind":                {now.Add(-25 * time.Second), 0, ""},
		"far behind":            {now.Add(-35 * time.Second), 0, "the token is not valid yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLogouts(t, func(c *revocation.LogoutConfig) {
				c.Leeway, c.Clock = test.leeway, func() time.Time { return test.now }
			}, jwttest.WithClock(func() time.Time { return now }))
			wantLogout(t, l, logoutToken(l.issuer), test.want)
		})
	}
}

// TestALogoutWhoseTurnDoesNotCome says nothing about its token: it is worth trying
// again. Here the token is in the hands of an earlier request.
func TestALogoutWhoseTurnDoesNotCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		l := newLogouts(t, func(c *revocation.LogoutConfig) {
			c.Timeout = 3 * time.Second
			c.Clock = func() time.Time {
				now := time.Now()
				if asked.Add(1) == 3 { // the first request came, its key was found, and its token has its turn
					time.Sleep(time.Minute)
				}
				return now
			}
		})
		raw := logoutToken(l.issuer)
		first := make(chan int, 1)
		go func() {
			recorder := httptest.NewRecorder()
			l.handler.ServeHTTP(recorder, logoutRequest(t, raw))
			first <- recorder.Code
		}()
		synctest.Wait()
		got := l.post(t, raw)
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "1" {
			t.Errorf("status %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
		}
		if reason := token.ReasonOf(l.log.last(t).Err); reason != token.ReasonOverloaded {
			t.Errorf("observed %s", reason)
		}
		if status := <-first; status != http.StatusOK {
			t.Errorf("status %d of the first", status)
		}
		if got := l.post(t, raw); got.status != http.StatusOK {
			t.Errorf("status %d of another try", got.status)
		}
	})
}

// TestLogoutTokensAreNotKept in memory: nobody brings one twice, but who replays it.
func TestLogoutTokensAreNotKept(t *testing.T) {
	t.Parallel()
	var keys *keysAskedFor
	l := newLogouts(t, func(c *revocation.LogoutConfig) {
		keys = &keysAskedFor{Live: c.Issuers[0].Keys.(keyset.Live)} //nolint:errcheck,forcetypeassert // jwttest's are
		c.Issuers[0].Keys = keys
	})
	raw := logoutToken(l.issuer)
	for range 2 {
		if got := l.post(t, raw); got.status != http.StatusOK {
			t.Errorf("status %d, %q", got.status, got.description)
		}
	}
	if n := keys.asked.Load(); n != 2 {
		t.Errorf("a key was asked for %d times, want once for each request", n)
	}
}

// keysAskedFor counts how often somebody wants a key.
type keysAskedFor struct {
	keyset.Live
	asked atomic.Int64
}

func (k *keysAskedFor) Key(ctx context.Context, id string, algorithm keyset.Algorithm) (*keyset.Key, error) {
	k.asked.Add(1)
	return k.Live.Key(ctx, id, algorithm)
}

// A provider that uses a jti twice means both logouts.
func TestOneIDOfTwoLogouts(t *testing.T) {
	t.Parallel()
	l := newLogouts(t, nil)
	l.post(t, logoutToken(l.issuer))
	l.post(t, logoutToken(l.issuer, jwttest.Claim("sid", "another")))
	if n := len(l.writer.published()); n != 2 {
		t.Errorf("published %d times", n)
	}
}

// The signatures of ECDSA differ each time, and are no part of what is said.
func TestAReplaySignedAgain(t *testing.T) {
	t.Parallel()
	l := newLogouts(t, nil)
	header, payload, _, err := jwttest.Decode(logoutToken(l.issuer))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		l.post(t, l.issuer.Key(keyset.ES256).Sign(header, payload))
	}
	if n := len(l.writer.published()); n != 1 {
		t.Errorf("published %d times", n)
	}
}

func TestTheMemoryOfReplaysIsBounded(t *testing.T) {
	t.Parallel()
	const remembered = 4096
	l := newLogouts(t, nil, jwttest.WithAlgorithms(keyset.HS256))
	oldest, next := logoutToken(l.issuer), logoutToken(l.issuer, jwttest.ID("next"))
	send := func(raw string) int {
		recorder := httptest.NewRecorder()
		l.handler.ServeHTTP(recorder, logoutRequest(t, raw))
		if recorder.Code != http.StatusOK {
			t.Fatalf("status %d", recorder.Code)
		}
		return len(l.writer.published())
	}
	send(oldest)
	send(next)
	for i := range remembered - 2 {
		send(logoutToken(l.issuer, jwttest.ID("id-"+strconv.Itoa(i))))
	}
	if n := send(oldest); n != remembered {
		t.Fatalf("published %d times: the oldest was forgotten too early", n)
	}
	if n := send(logoutToken(l.issuer, jwttest.ID("one more"))); n != remembered+1 {
		t.Fatalf("published %d times", n)
	}
	if n := send(next); n != remembered+1 {
		t.Errorf("published %d times: more than one made room", n)
	}
	if n := send(oldest); n != remembered+2 {
		t.Errorf("published %d times: nothing was forgotten", n)
	}
	if n := send(next); n != remembered+3 {
		t.Errorf("published %d times: the next oldest was not forgotten", n)
	}
}

// TestAReplayElsewhereReachesNobodyNew sends a logout from everywhere once more, to
// a replica that has not seen it, after the user has logged in again.
func TestAReplayElsewhereReachesNobodyNew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := jwttest.NewIssuer(t, jwttest.InMemory())
		list := newLogoutList(t)
		verifier := accessVerifier(t, list, issuer)
		config := revocation.LogoutConfig{Issuers: []token.Issuer{trustLogouts(issuer)}, EverySession: true}
		one := &logouts{issuer: issuer, handler: logoutHandler(t, list, withLog(&config))}
		one.log = config.Observer.(*logoutLog) //nolint:errcheck,forcetypeassert // just set
		before := issuer.Token(jwttest.Subject(secretUser), jwttest.ExpiresIn(5*time.Minute))
		time.Sleep(2 * time.Second)
		raw := logoutToken(issuer)
		one.post(t, raw)
		entries := slices.Collect(list.Entries())
		time.Sleep(2 * time.Second)
		after := issuer.Token(jwttest.Subject(secretUser), jwttest.ExpiresIn(5*time.Minute))

		time.Sleep(time.Minute)
		two := &logouts{issuer: issuer, log: one.log, handler: logoutHandler(t, list, config)}
		if got := two.post(t, raw); got.status != http.StatusOK || two.log.last(t).Replayed {
			t.Errorf("status %d, %q", got.status, got.description)
		}
		if got := slices.Collect(list.Entries()); !sameEntries(got, entries) {
			t.Errorf("entries are %v, before the replay %v", got, entries)
		}
		wantAccess(t, verifier, before, token.ReasonRevoked)
		wantAccess(t, verifier, after, "")
	})
}

func sameEntries(a, b []revocation.Entry) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(e revocation.Entry) bool { return !slices.Contains(b, e) })
}

// withLog adds an observer, which is also the log.
func withLog(config *revocation.LogoutConfig) revocation.LogoutConfig {
	config.Observer = new(logoutLog)
	return *config
}

func newLogoutList(t *testing.T) *revocation.List {
	t.Helper()
	list, err := revocation.NewList(revocation.Config{MaxLifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	return list
}

// accessVerifier verifies the access tokens of some issuers, in a service.
func accessVerifier(t *testing.T, list *revocation.List, issuers ...*jwttest.Issuer) *token.Verifier {
	t.Helper()
	var trusted []token.Issuer
	for _, issuer := range issuers {
		trusted = append(trusted, token.Issuer{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()})
	}
	verifier, err := token.NewVerifier(trusted, token.MaxLifetime(time.Hour), token.WithRevocations(list))
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func wantAccess(t *testing.T, verifier *token.Verifier, raw string, want token.Reason) {
	t.Helper()
	if _, err := verifier.Verify(t.Context(), raw); token.ReasonOf(err) != want {
		t.Errorf("reason is %q, want %q", token.ReasonOf(err), want)
	}
}

var errWriter = errors.New("the store is down")

func TestAWriterThatFailsForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLogouts(t, nil)
		l.writer.fail = func(_ context.Context, call int) error {
			if call < 4 {
				return errWriter
			}
			return nil
		}
		if got := l.post(t, logoutToken(l.issuer)); got.status != http.StatusOK {
			t.Errorf("status %d, %q", got.status, got.description)
		}
		if l.writer.attempts() != 4 || len(l.writer.published()) != 1 {
			t.Errorf("%d attempts, published %v", l.writer.attempts(), l.writer.published())
		}
		if l.log.lines() != "" {
			t.Errorf("the log is %q", l.log.lines())
		}
	})
}

func TestAWriterThatIsDown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"no hint": {errWriter, "1"},
		"a hint":  {hintError{90*time.Second + 1}, "91"},
		"no wait": {hintError{0}, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLogouts(t, func(c *revocation.LogoutConfig) { c.Timeout = 3 * time.Second })
				l.writer.fail = func(context.Context, int) error { return test.err }
				raw, began := logoutToken(l.issuer), time.Now()
				got := l.post(t, raw)
				if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != test.want {
					t.Errorf("status %d, Retry-After %q, want %q", got.status, got.header.Get("Retry-After"), test.want)
				}
				if took := time.Since(began); took != 3*time.Second || l.writer.attempts() != 6 {
					t.Errorf("%d attempts in %v", l.writer.attempts(), took)
				}
				if seen := l.log.last(t); !errors.Is(seen.Err, test.err) || len(seen.Entries) != 1 {
					t.Errorf("observed %+v", seen)
				}
				if !strings.Contains(l.log.lines(), test.err.Error()) {
					t.Errorf("the log is %q", l.log.lines())
				}
				l.writer.fail = nil
				if got := l.post(t, raw); got.status != http.StatusOK || len(l.writer.published()) != 1 {
					t.Errorf("status %d when it is back", got.status)
				}
			})
		})
	}
}

// hintError is an error that says when to try again.
type hintError struct{ after time.Duration }

func (hintError) Error() string               { return "busy" }
func (e hintError) RetryAfter() time.Duration { return e.after }

func TestAProviderThatHangsUp(t *testing.T) {
	t.Parallel()
	l := newLogouts(t, nil)
	ctx, hangUp := context.WithCancel(t.Context())
	l.writer.fail = func(ctx context.Context, call int) error {
		hangUp()
		if call == 1 {
			return errWriter
		}
		return ctx.Err()
	}
	raw := logoutToken(l.issuer)
	if got := l.ask(t, logoutRequest(t, raw).WithContext(ctx), raw); got.status != http.StatusOK {
		t.Errorf("status %d", got.status)
	}
	if len(l.writer.published()) != 1 {
		t.Error("nothing was published")
	}
}

func TestKeysThatAreNotThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := jwttest.NewIssuer(t, jwttest.InMemory())
		issuer.Fail(http.StatusBadGateway)
		keys, err := keyset.Discover(issuer.URL(), keyset.RemoteConfig{Client: issuer.Client(), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = keys.Close() }()
		config := revocation.LogoutConfig{Issuers: []token.Issuer{{URL: issuer.URL(), Audiences: []string{logoutAud}, Keys: keys}}}
		list := new(logoutWriter)
		l := &logouts{issuer: issuer, writer: list, handler: logoutHandler(t, list, withLog(&config))}
		l.log = config.Observer.(*logoutLog) //nolint:errcheck,forcetypeassert // just set

		raw := logoutToken(issuer)
		got := l.post(t, raw)
		after, err := strconv.Atoi(got.header.Get("Retry-After"))
		if got.status != http.StatusServiceUnavailable || err != nil || after < 1 {
			t.Errorf("status %d, %q, Retry-After %q", got.status, got.description, got.header.Get("Retry-After"))
		}
		if token.ReasonOf(l.log.last(t).Err) != token.ReasonKeysUnavailable || list.attempts() != 0 {
			t.Errorf("observed %+v", l.log.last(t))
		}
		issuer.Recover()
		if err := keys.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := l.post(t, logoutToken(issuer)); got.status != http.StatusOK || len(list.published()) != 1 {
			t.Errorf("status %d, %q after the outage", got.status, got.description)
		}
	})
}

// TestAKeyThatIsRotated shares a key set with the services: none has to be told.
func TestAKeyThatIsRotated(t *testing.T) {
	t.Parallel()
	l := newLogouts(t, nil)
	stolen := l.issuer.Key(keyset.ES256)
	l.issuer.Rotate()
	l.issuer.Withdraw()
	l.handler = logoutHandler(t, l.writer, revocation.LogoutConfig{Issuers: []token.Issuer{trustLogouts(l.issuer)}, Observer: l.log})
	if got := l.post(t, logoutToken(l.issuer, jwttest.SignedBy(stolen))); got.status != http.StatusBadRequest {
		t.Errorf("status %d of a withdrawn key", got.status)
	}
	if got := l.post(t, logoutToken(l.issuer)); got.status != http.StatusOK {
		t.Errorf("status %d of the new key", got.status)
	}
}

// A client that sends its header and then nothing is cut off.
func TestABodyThatDoesNotCome(t *testing.T) {
	t.Parallel()
	l := newLogouts(t, func(c *revocation.LogoutConfig) { c.Timeout = 50 * time.Millisecond })
	server := httptest.NewServer(l.handler)
	defer server.Close()
	body, never := io.Pipe()
	defer func() { _ = never.Close() }()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 1000
	r.Header.Set("Content-Type", logoutForm)
	got, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	if got.StatusCode != http.StatusRequestTimeout || !got.Close {
		t.Errorf("status %d, the connection closes: %v", got.StatusCode, got.Close)
	}
	if l.writer.attempts() != 0 {
		t.Error("it was published")
	}
}

// Nobody may touch a response when its handler has returned: net/http panics, with
// HTTP/2. Here the body ends in the moment in which its time is over.
func TestAResponseIsLeftAloneAfterwards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLogouts(t, func(c *revocation.LogoutConfig) { c.Timeout = time.Second })
		body, end := io.Pipe()
		w := &slowResponse{ResponseRecorder: httptest.NewRecorder(), hurried: func() { _ = end.Close() }}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", body)
		r.Header.Set("Content-Type", logoutForm)
		l.handler.ServeHTTP(w, r)
		if w.Code != http.StatusRequestTimeout || w.busy.Load() {
			t.Errorf("status %d, somebody is still at the response: %v", w.Code, w.busy.Load())
		}
		time.Sleep(time.Minute)
	})
}

// slowResponse takes a while to set a deadline.
type slowResponse struct {
	*httptest.ResponseRecorder
	hurried func()
	busy    atomic.Bool
}

func (w *slowResponse) SetReadDeadline(time.Time) error {
	w.busy.Store(true)
	defer w.busy.Store(false)
	w.hurried()
	time.Sleep(time.Second)
	return nil
}

func TestManyLogoutsAtOnce(t *testing.T) {
	t.Parallel()
	l := newLogouts(t, nil)
	const sessions, times = 16, 8
	raw := make([]string, sessions)
	for i := range raw {
		raw[i] = logoutToken(l.issuer, jwttest.Claim("sid", "s-"+strconv.Itoa(i)))
	}
	var all sync.WaitGroup
	for i := range sessions * times {
		all.Go(func() {
			recorder := httptest.NewRecorder()
			l.handler.ServeHTTP(recorder, logoutRequest(t, raw[i%sessions]))
			if recorder.Code != http.StatusOK {
				t.Errorf("status %d", recorder.Code)
			}
		})
	}
	all.Wait()
	seen := make(map[revocation.Entry]bool)
	for _, entries := range l.writer.published() {
		seen[entries[0]] = true
	}
	if len(seen) != sessions {
		t.Errorf("%d sessions were published", len(seen))
	}
}

func TestLogoutsBySeveralIssuers(t *testing.T) {
	t.Parallel()
	one := jwttest.NewIssuer(t, jwttest.WithURL("https://one.test"))
	two := jwttest.NewIssuer(t, jwttest.WithURL("https://two.test"))
	stranger := jwttest.NewIssuer(t, jwttest.WithURL("https://stranger.test"))
	trustTwo := trustLogouts(two)
	trustTwo.Audiences = []string{"client-at-two"}
	for name, test := range map[string]struct {
		raw  string
		want string // the issuer that is published, "" if nothing is
	}{
		"the first":                      {logoutToken(one), one.URL()},
		"the second":                     {logoutToken(two, jwttest.Audience("client-at-two")), two.URL()},
		"a client of the other":          {logoutToken(two), ""},
		"in the name of the other":       {logoutToken(two, jwttest.IssuedBy(one.URL())), ""},
		"in the name of the other, kid":  {logoutToken(two, jwttest.IssuedBy(one.URL()), jwttest.Header("kid", one.Key(keyset.ES256).ID())), ""},
		"a third":                        {logoutToken(stranger), ""},
		"a third in the name of a known": {logoutToken(stranger, jwttest.IssuedBy(one.URL())), ""},
		"nobody":                         {logoutToken(one, jwttest.Without("iss")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLogouts(t, func(c *revocation.LogoutConfig) {
				c.Issuers = []token.Issuer{trustLogouts(one), trustTwo}
			})
			got := l.post(t, test.raw)
			published := l.writer.published()
			if (got.status == http.StatusOK) != (test.want != "") || len(published) != map[bool]int{true: 1}[test.want != ""] {
				t.Fatalf("status %d, published %v", got.status, published)
			}
			if test.want != "" && l.log.last(t).Issuer != test.want {
				t.Errorf("issuer is %q", l.log.last(t).Issuer)
			}
		})
	}
}
