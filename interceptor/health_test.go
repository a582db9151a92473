package interceptor_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// The issuer is away when the service starts: it says so to whoever asks for its
// health, until it can verify tokens.
func ExampleReportHealth() {
	issuer := jwttest.NewIssuer(jwttest.NoTest{}, jwttest.InMemory())
	defer issuer.Close()
	issuer.Fail(http.StatusServiceUnavailable)
	checks := health.NewServer() // healthpb.RegisterHealthServer(srv, checks)

	keys, err := keyset.Discover(issuer.URL(), keyset.RemoteConfig{
		Client: issuer.Client(), Logger: slog.New(slog.DiscardHandler),
		ReadyChanged: interceptor.ReportHealth(checks, "", "orders.v1.Orders"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = keys.Close() }()
	response, err := checks.Check(context.Background(), &healthpb.HealthCheckRequest{Service: "orders.v1.Orders"})
	fmt.Println(response.GetStatus(), err)
	// Output:
	// NOT_SERVING <nil>
}

func TestHealthFollowsTheKeys(t *testing.T) {
	t.Parallel()
	for name, services := range map[string][]string{"the server": nil, "services": {"a.A", "b.B"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := jwttest.NewIssuer(t, jwttest.InMemory())
				issuer.Fail(http.StatusServiceUnavailable)
				checks := health.NewServer()
				keys, err := keyset.Discover(issuer.URL(), keyset.RemoteConfig{
					Client: issuer.Client(), MaxStale: time.Hour, Logger: slog.New(slog.DiscardHandler),
					ReadyChanged: interceptor.ReportHealth(checks, services...),
				})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = keys.Close() }()
				want := func(status healthpb.HealthCheckResponse_ServingStatus) {
					t.Helper()
					if services == nil {
						services = []string{""}
					}
					for _, service := range services {
						got, err := checks.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
						if err != nil || got.GetStatus() != status {
							t.Errorf("%q: %v, %v", service, got, err)
						}
					}
				}
				want(healthpb.HealthCheckResponse_NOT_SERVING)
				issuer.Recover()
				time.Sleep(time.Minute)
				want(healthpb.HealthCheckResponse_SERVING)
				issuer.Fail(http.StatusServiceUnavailable)
				time.Sleep(time.Hour)
				want(healthpb.HealthCheckResponse_NOT_SERVING)
				issuer.Recover()
				time.Sleep(time.Minute)
				want(healthpb.HealthCheckResponse_SERVING)
			})
		})
	}
}
