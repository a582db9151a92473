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
//
// A gRPC server does not show its interceptors, so Audit can't see that they
// are missing there. It fails if they can't be anywhere, because nobody called
// [Server.Options] or [Server.AuthFunc]. Who installs UnaryInterceptor and
// StreamInterceptor by hand calls Options all the same, and may drop the result.
func (s *Server) Audit(server ServiceInfoProvider) error {
	registered := methodsOf(server)
	var problems []error
	if !s.installed.Load() {
		problems = append(problems, errors.New("Options() was never called: every method is open to everyone"))
	}
	for _, method := range registered {
		if _, ok := s.rules.rule(method); !ok {
			problems = append(problems, fmt.Errorf("no rule for %s: add %s", method, suggestion(method)))
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

// suggestion is the rule that is most likely missing.
func suggestion(method string) string {
	switch {
	case slices.Contains(HealthMethods(), method):
		return "interceptor.Public(interceptor.HealthMethods()...)"
	case slices.Contains(ReflectionMethods(), method):
		return "interceptor.Public(interceptor.ReflectionMethods()...)"
	default:
		return fmt.Sprintf("interceptor.Authenticated(%q)", method)
	}
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
