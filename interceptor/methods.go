package interceptor

import (
	"slices"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionalphapb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
)

// HealthMethods returns the methods of gRPC's health service, which load
// balancers and orchestrators call without a token.
func HealthMethods() []string {
	return []string{
		healthpb.Health_Check_FullMethodName,
		healthpb.Health_List_FullMethodName,
		healthpb.Health_Watch_FullMethodName,
	}
}

// ReflectionMethods returns the methods of gRPC's server reflection, v1 and
// v1alpha. Public reflection shows everybody what a server offers.
func ReflectionMethods() []string {
	return []string{
		reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName,
		reflectionalphapb.ServerReflection_ServerReflectionInfo_FullMethodName,
	}
}

// isReadyMade reports whether method is in one of the sets above, which a
// policy may name whether or not the server registers them.
func isReadyMade(method string) bool {
	return slices.Contains(HealthMethods(), method) || slices.Contains(ReflectionMethods(), method)
}
