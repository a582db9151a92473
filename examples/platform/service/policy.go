package service

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// policy is what all services of the platform have. There is no rule for all
// other methods: one whose proto says nothing is refused, and the service doesn't
// start.
func policy() interceptor.Policy {
	return interceptor.Rules(
		interceptor.Public(interceptor.HealthMethods()...),
		interceptor.FromProto(),
	)
}

// PolicyTable returns who may call what of the role, for people: see
// [interceptor.PolicyTable]. Nothing is started for that.
func (r Role) PolicyTable() (string, error) {
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	r.Register(server, nil)
	return interceptor.PolicyTable(policy(), server)
}
