package main

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// TestTheOwnTokenIsKeptUntilShortlyBeforeItsEnd has a token of 5 minutes.
func TestTheOwnTokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.issuer.Life = 5 * time.Minute
		own := must(newOwnCredential(t.Context(), w.config().own, w.http()))
		if !own.RequireTransportSecurity() {
			t.Error("it goes over any connection")
		}
		conn := must(dialAsItself("passthrough:///archive", w.options, w.logger, own))
		defer func() { _ = conn.Close() }()
		began := time.Now()
		for _, at := range []struct {
			since time.Duration
			asked int
		}{
			{0, 1}, {time.Minute, 1}, {5*time.Minute - early - time.Second, 1}, {5*time.Minute - early + time.Second, 2}, {9 * time.Minute, 2}, {time.Hour, 3},
		} {
			time.Sleep(time.Until(began.Add(at.since)))
			if err := report(conn)(t.Context()); err != nil {
				t.Error(err)
			}
			if got := w.issuer.Granted(); got != at.asked {
				t.Errorf("after %v %d tokens were asked for, want %d", at.since, got, at.asked)
			}
		}
		w.wantVisits(reportTask, workerName, 6)
	})
}

// TestHowTheOwnTokenIsAskedFor has what RFC 6749 sections 2.3.1 and 4.4.2 want.
func TestHowTheOwnTokenIsAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		config := w.config().own
		config.params = url.Values{"resource": {"https://archive.example.com"}}
		var asked []*http.Request
		own := must(newOwnCredential(t.Context(), config, direct{http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			asked = append(asked, r)
			w.issuer.Handler().ServeHTTP(rw, r)
		})}))
		conn := must(dialAsItself("passthrough:///archive", w.options, w.logger, own))
		defer func() { _ = conn.Close() }()
		if err := report(conn)(t.Context()); err != nil || len(asked) != 1 {
			t.Fatalf("asked %d times: %v", len(asked), err)
		}
		id, secret, _ := asked[0].BasicAuth()
		if id != workerName || secret != w.issuer.Secret || asked[0].Method != http.MethodPost {
			t.Errorf("asked as %q", id)
		}
		if form := asked[0].Form; form.Encode() != "grant_type=client_credentials&resource=https%3A%2F%2Farchive.example.com" {
			t.Errorf("asked for %v", form)
		}
	})
}

// TestATokenEndpointThatMisbehaves has answers after which no call goes out, and
// of which nothing is told but that.
func TestATokenEndpointThatMisbehaves(t *testing.T) {
	t.Parallel()
	const leak = "hush-hush"
	say := func(code int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", "https://evil.example.com/token")
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		cause  string // in the log
	}{
		"wrong secret": {say(401, "application/json", `{"error":"invalid_client","error_description":"`+leak+`"}`), "invalid_client"},
		"a page":       {say(502, "text/html", "<p>"+leak), "502"},
		"a redirect":   {say(307, "application/json", `{"access_token":"`+leak+`"}`), "307"},
		"no end":       {say(200, "application/json", `{"access_token":"`+leak+`","token_type":"Bearer"}`), "expires_in"},
		"another kind": {say(200, "application/json", `{"access_token":"`+leak+`","token_type":"DPoP","expires_in":300}`), "bearer"},
		"no token":     {say(200, "application/json", `{"token_type":"Bearer","expires_in":300,"x":"`+leak+`"}`), "access_token"},
		"not JSON":     {say(200, "application/json", leak), "JSON"},
		"no answer":    {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done(); panic(http.ErrAbortHandler) }, "exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				hosts := make(map[string]int)
				own := must(newOwnCredential(t.Context(), w.config().own, aborting{direct{http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					hosts[r.URL.Host]++
					test.answer(rw, r)
				})}}))
				conn := must(dialAsItself("passthrough:///archive", w.options, w.logger, own))
				defer func() { _ = conn.Close() }()
				began := time.Now()
				err := report(conn)(t.Context())
				if refusal, _ := interceptor.RefusalFrom(err); refusal.Reason != interceptor.ReasonCredentialUnavailable {
					t.Errorf("got %v", err)
				}
				if took := time.Since(began); took > fetchLimit {
					t.Errorf("it took %v", took)
				}
				if hosts["id.example.com"] != 1 || len(hosts) != 1 {
					t.Errorf("asked %v", hosts)
				}
				log := strings.ToLower(w.log.String())
				if !strings.Contains(log, strings.ToLower(test.cause)) || strings.Contains(log+err.Error(), leak) {
					t.Errorf("logged %s", log)
				}
				w.wantVisits(reportTask, "", 0)
			})
		})
	}
}

// aborting makes an error of a handler that aborts its answer.
type aborting struct{ direct }

func (a aborting) RoundTrip(r *http.Request) (response *http.Response, err error) {
	defer func() {
		if recover() != nil {
			err = errors.Join(errors.New("aborted"), r.Context().Err())
		}
	}()
	return a.direct.RoundTrip(r)
}

func TestSecretsAreForHTTPS(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"", "http://id.example.com/token", "id.example.com/token", "https:///token", "https://%", "ftp://id.example.com"} {
		own, err := newOwnCredential(t.Context(), ownConfig{tokenURL: endpoint, secret: "hush-hush"}, direct{})
		if err == nil || own != nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}
