package interceptor

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc"
)

// ServiceInfoProvider is a server that can list its services: a
// [*grpc.Server].
type ServiceInfoProvider interface {
	GetServiceInfo() map[string]grpc.ServiceInfo
}

// Audit compares the policy with the services that are registered, and returns
// one error that lists every method without a rule, which would be refused, and
// every method that a rule names and the server doesn't have, which is most
// likely misspelt. Rules for [HealthMethods] and [ReflectionMethods] need not
// be used. Call it between registering the services and serving.
func (s *Server) Audit(server ServiceInfoProvider) error {
	registered := methodsOf(server)
	var problems []error
	for _, method := range registered {
		if _, ok := s.rules.rule(method); !ok {
			problems = append(problems, fmt.Errorf("no rule for %s: add interceptor.Authenticated(%q)", method, method))
		}
	}
	for _, method := range s.rules.methods() {
		if _, ok := slices.BinarySearch(registered, method); !ok && !isReadyMade(method) {
			problems = append(problems, fmt.Errorf("a rule names %s, which is not registered", method))
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("interceptor: policy and services don't match:\n%w", errors.Join(problems...))
	}
	return nil
}

// methodsOf returns the full names of the registered methods, sorted.
func methodsOf(server ServiceInfoProvider) []string {
	var methods []string
	for service, info := range server.GetServiceInfo() {
		for _, method := range info.Methods {
			methods = append(methods, "/"+service+"/"+method.Name)
		}
	}
	slices.Sort(methods)
	return methods
}
