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

// A service needs keys, and to know what was revoked.
func ExampleAllReady() {
	ready := interceptor.AllReady(2, func(ready bool) { fmt.Println("ready:", ready) }) // ReportHealth(checks)

	keysReady := ready[0]        // keyset.RemoteConfig{ReadyChanged: ready[0]}
	revocationsReady := ready[1] // revocation.Config{ReadyChanged: ready[1]}
	keysReady(true)
	revocationsReady(true)
	keysReady(false)
	// Output:
	// ready: false
	// ready: true
	// ready: false
}

func TestAllReady(t *testing.T) {
	t.Parallel()
	var told []bool
	report := func(ready bool) { told = append(told, ready) }
	ready := interceptor.AllReady(3, report)
	for _, i := range []int{0, 1, 1, 0} { // one of them twice is not two of them
		ready[i](true)
	}
	ready[1](false)
	ready[2](true)
	ready[1](true)
	ready[0](false)
	ready[2](false)
	ready[2](true)
	ready[0](true)
	if fmt.Sprint(told) != "[false true false true]" {
		t.Errorf("told %v", told)
	}
	told = nil
	if none := interceptor.AllReady(0, report); len(none) != 0 || fmt.Sprint(told) != "[true]" {
		t.Errorf("told %v", told)
	}
	if negative := interceptor.AllReady(-1, report); len(negative) != 0 {
		t.Errorf("%d functions", len(negative))
	}
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
