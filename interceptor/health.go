package interceptor

import (
	"sync"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// HealthReporter is what ReportHealth needs of a health service. It is what
// google.golang.org/grpc/health.Server offers.
type HealthReporter interface {
	SetServingStatus(service string, status healthpb.HealthCheckResponse_ServingStatus)
}

// ReportHealth returns a function that reports SERVING for the given services
// while it was last called with true, and NOT_SERVING otherwise; without
// services, for the server as a whole (""). It is for ReadyChanged of
// keyset.RemoteConfig, so that nobody is sent calls who can't verify their
// tokens yet. For a service that needs several key sets, or a list of revocations,
// see [AllReady].
func ReportHealth(checks HealthReporter, services ...string) func(ready bool) {
	if len(services) == 0 {
		services = []string{""}
	}
	return func(ready bool) {
		status := healthpb.HealthCheckResponse_NOT_SERVING
		if ready {
			status = healthpb.HealthCheckResponse_SERVING
		}
		for _, service := range services {
			checks.SetServingStatus(service, status)
		}
	}
}

// AllReady is for services that need more than one thing to decide on tokens: two key
// sets, say, or keys and revocations. It returns n functions, each for the
// ReadyChanged of one of them. They tell report that all is ready when each was last
// called with true, and that it is not when that ends. It is told so at once, too:
// that nothing is ready yet or, of none, that all is.
//
// The functions may be called concurrently; report is called by one at a time, and
// must call none of them.
func AllReady(n int, report func(ready bool)) []func(ready bool) {
	a := &allReady{report: report, missing: max(n, 0)}
	all := make([]func(ready bool), a.missing)
	for i := range all {
		all[i] = a.one()
	}
	report(a.missing == 0)
	return all
}

// allReady counts what is missing.
type allReady struct {
	report func(ready bool)

	mu      sync.Mutex
	missing int
}

// one returns the function for one of those that are missing.
func (a *allReady) one() func(ready bool) {
	was := false
	return func(ready bool) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if ready == was {
			return
		}
		was = ready
		before := a.missing
		if ready {
			a.missing--
		} else {
			a.missing++
		}
		if (before == 0) != (a.missing == 0) {
			a.report(a.missing == 0)
		}
	}
}
