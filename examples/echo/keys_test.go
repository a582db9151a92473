package main

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

const (
	serving    = healthpb.HealthCheckResponse_SERVING
	notServing = healthpb.HealthCheckResponse_NOT_SERVING
)

// newWebIssuer returns an issuer that serves its keys, and says where, at its URL.
func newWebIssuer(t *testing.T) *jwttest.Issuer {
	t.Helper()
	issuer := jwttest.NewIssuer(t)
	issuer.Key("ES256") // or there would be none to fetch
	return issuer
}

// discovering are flags for a server that finds the issuer's keys by itself.
func discovering(issuer *jwttest.Issuer) []string {
	return []string{"-jwks", "", "-issuer", issuer.URL()}
}

func TestKeysAreFoundWhereverTheyAre(t *testing.T) {
	t.Parallel()
	issuer := newWebIssuer(t)
	withoutID := issuer.Key("ES256").WithID("")
	for name, test := range map[string]struct {
		jwks string
		raw  string
	}{
		"by discovery":                 {"", issuer.Token()},
		"URL":                          {issuer.JWKSURL(), issuer.Token()},
		"file":                         {writeFile(t, "jwks.json", issuer.JWKS()), issuer.Token()},
		"PEM":                          {writeFile(t, "keys.pem", withoutID.PEM()), issuer.Token()},
		"PEM and a token without kid":  {writeFile(t, "keys.pem", withoutID.PEM()), issuer.Token(jwttest.SignedBy(withoutID))},
		"file and a token without kid": {writeFile(t, "jwks.json", issuer.JWKS()), issuer.Token(jwttest.SignedBy(withoutID))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, issuer, "-issuer", issuer.URL(), "-jwks", test.jwks)
			server.waitFor(t, serving)
			if _, err := server.client(t).Echo(with(t, test.raw), &echov1.EchoRequest{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWithoutKeysNothingIsServed(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*jwttest.Issuer){
		"the issuer is away":             func(i *jwttest.Issuer) { i.Fail(http.StatusServiceUnavailable) },
		"its document is another's":      func(i *jwttest.Issuer) { i.SetDiscovery("issuer", "https://id.example.com") },
		"its document leads nowhere":     func(i *jwttest.Issuer) { i.SetDiscovery("jwks_uri", nil) },
		"its keys are not where it says": func(i *jwttest.Issuer) { i.SetDiscovery("jwks_uri", i.URL()+"/nowhere") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := newWebIssuer(t)
			spoil(issuer)
			server := start(t, issuer, append(discovering(issuer), "-name", "early")...)
			for began := time.Now(); !strings.Contains(server.log.String(), "fetch failed"); time.Sleep(time.Millisecond) {
				if time.Since(began) > time.Minute {
					t.Fatal("no fetch has failed")
				}
			}
			client := server.client(t)
			for _, kind := range kinds {
				_, err := kind.call(with(t, issuer.Token()), client, &echov1.EchoRequest{})
				wantRefusal(t, err, codes.Unavailable, token.ReasonKeysUnavailable, "early")
			}
			server.waitFor(t, notServing)
		})
	}
}

// TestHealthFollowsTheKeys has a server through a day without its issuer.
func TestHealthFollowsTheKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := jwttest.NewIssuer(t, jwttest.InMemory())
		issuer.Key("ES256")
		away := func() { issuer.Fail(http.StatusServiceUnavailable) }
		back := func() { issuer.Recover() }
		away()
		config := mustParse(t, []string{"-issuer", issuer.URL(), "-audience", jwttest.DefaultAudience})
		config.client = issuer.Client()
		app, err := newApp(config, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer app.Close()
		for _, step := range []struct {
			what string
			do   func()
			pass time.Duration
			want healthpb.HealthCheckResponse_ServingStatus
		}{
			{"it starts while the issuer is away", func() {}, time.Hour, notServing},
			{"the issuer comes back", back, time.Minute, serving},
			{"the issuer is away for most of a day", away, 23 * time.Hour, serving},
			{"the keys are too old", func() {}, time.Hour, notServing},
			{"the issuer is back at last", back, time.Minute, serving},
		} {
			step.do()
			time.Sleep(step.pass)
			synctest.Wait()
			for _, name := range []string{"", echov1.EchoService_ServiceDesc.ServiceName} {
				got, err := app.health.Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
				if err != nil || got.GetStatus() != step.want {
					t.Errorf("%s: the health of %q is %v, %v, want %v", step.what, name, got.GetStatus(), err, step.want)
				}
			}
		}
	})
}

func TestASnapshotIsForAStartWhileTheIssuerIsAway(t *testing.T) {
	t.Parallel()
	issuer := newWebIssuer(t)
	flags := append(discovering(issuer), "-snapshot", filepath.Join(t.TempDir(), "snapshot"))
	t.Run("the issuer is there", func(t *testing.T) { // and the server ends with this
		start(t, issuer, flags...).waitFor(t, serving)
	})
	issuer.Fail(http.StatusServiceUnavailable)
	server := start(t, issuer, flags...)
	server.waitFor(t, serving)
	if _, err := server.client(t).Echo(with(t, issuer.Token()), &echov1.EchoRequest{}); err != nil {
		t.Error(err)
	}
}

// waitFor returns once the server's health is as wanted.
func (r *running) waitFor(t *testing.T, want healthpb.HealthCheckResponse_ServingStatus) {
	t.Helper()
	client := healthpb.NewHealthClient(dial(t, r.addr, insecure.NewCredentials()))
	watch, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		now, err := watch.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if now.GetStatus() == want {
			return
		}
	}
}
