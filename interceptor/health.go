package interceptor

import (
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
// tokens yet. A service with several key sets has to decide itself what it can
// do without one of them.
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
