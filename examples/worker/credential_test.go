package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// TestTheOwnTokenIsKeptUntilShortlyBeforeItsEnd has a token of 5 minutes.
func TestTheOwnTokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.startArchive()()
		own := must(newOwnCredential(t.Context(), w.own(), w.endpoint))
		if !own.RequireTransportSecurity() {
			t.Error("it goes over any connection")
		}
		began := time.Now()
		for _, at := range []struct {
			since time.Duration
			asked int32
		}{
			{0, 1}, {time.Minute, 1}, {ownLife - early - time.Second, 1}, {ownLife - early + time.Second, 2}, {9 * time.Minute, 2}, {time.Hour, 3},
		} {
			time.Sleep(time.Until(began.Add(at.since)))
			if err := report(w.worker.itself)(t.Context()); err != nil {
				t.Error(err)
			}
			if got := w.endpoint.given.Load(); got != at.asked {
				t.Errorf("after %v %d tokens were asked for, want %d", at.since, got, at.asked)
			}
		}
		w.wantVisits(reportTask, workerName, 6)
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
		"no answer":    {nil, "exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				stop := w.startArchive()
				hosts := make(map[string]int)
				own := must(newOwnCredential(t.Context(), w.own(), roundTrip(func(r *http.Request) (*http.Response, error) {
					hosts[r.URL.Host]++
					if test.answer == nil {
						<-r.Context().Done()
						return nil, r.Context().Err()
					}
					recorder := httptest.NewRecorder()
					test.answer(recorder, r)
					return recorder.Result(), nil
				})))
				began := time.Now()
				err := w.reportAs(own)
				if refusal, _ := interceptor.RefusalFrom(err); refusal.Reason != interceptor.ReasonCredentialUnavailable {
					t.Errorf("got %v", err)
				}
				if took := time.Since(began); took > fetchLimit {
					t.Errorf("it took %v", took)
				}
				if hosts["issuer.test"] != 1 || len(hosts) != 1 {
					t.Errorf("asked %v", hosts)
				}
				stop()
				log := strings.ToLower(w.log.String())
				if !strings.Contains(log, strings.ToLower(test.cause)) || strings.Contains(log+err.Error(), leak) {
					t.Errorf("logged %s", log)
				}
				w.wantVisits(reportTask, "", 0)
			})
		})
	}
}

// reportAs reports with this credential.
func (w *world) reportAs(own credentials.PerRPCCredentials) error {
	conn := must(dialAsItself("passthrough:///archive", w.toArchive(), w.logger, own))
	defer func() { _ = conn.Close() }()
	return report(conn)(w.t.Context())
}

// roundTrip is a transport that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSecretsAreForHTTPS(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"", "http://id.example.com/token", "id.example.com/token", "https:///token", "https://%", "ftp://id.example.com"} {
		own, err := newOwnCredential(t.Context(), ownConfig{tokenURL: endpoint, secret: "hush-hush"}, nil)
		if err == nil || own != nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}
