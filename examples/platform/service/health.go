package service

import (
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// newHealth returns the health of a service that can't work yet.
func newHealth() *health.Server {
	checks := health.NewServer()
	setReady(checks, false)
	return checks
}

// setReady says to whoever asks whether the service can work.
func setReady(checks *health.Server, ready bool) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if ready {
		status = healthpb.HealthCheckResponse_SERVING
	}
	checks.SetServingStatus("", status)
}
