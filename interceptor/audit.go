package interceptor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// ServiceInfoProvider is a server that can list its services: a
// [*grpc.Server], or what [Services] returns.
type ServiceInfoProvider interface {
	GetServiceInfo() map[string]grpc.ServiceInfo
}

// Audit compares the policy with the services that are registered, unary methods
// and streams, and returns one error that lists, each with the line to add:
//
//   - methods without a rule: all their calls would be refused;
//   - methods that rules written in code name and the server doesn't have, most
//     likely misspelt ([HealthMethods] and [ReflectionMethods] need not be there,
//     nor what protos have rules for);
//   - services that [FromProto] found in none of its files, so that the rules in
//     their proto, if there are any, count for nothing;
//   - methods whose proto has another rule than the policy, of which FromProto is
//     no part, while no rule in code names them;
//   - methods whose rule asks for issuers that the verifier doesn't trust.
//
// While [Shadow] is on it always fails, with [ErrShadow], and lists the rest with
// it. Call it between registering the services and serving.
//
// What it can't see: a gRPC server does not show its interceptors. Audit fails if
// they can't be anywhere, because nobody called [Server.Options],
// [Server.AuthFunc] or [Server.HTTPHandler]; it then says nothing else, and is no
// ErrShadow. If you install the interceptors by hand, call Options as well (you
// may drop the result). Nor does a server show a handler for unknown services
// ([grpc.UnknownServiceHandler]): calls to it have no rule, NO_POLICY, or that of
// Authenticated() without methods. A service that is registered later is not
// audited; calls to it are judged by the same policy.
func (s *Server) Audit(server ServiceInfoProvider) error {
	if !s.installed.Load() {
		return errors.New("interceptor: none of Options(), AuthFunc() and HTTPHandler() was called: every method is open to everyone")
	}
	var found error
	if problems := s.problemsOf(server); len(problems) > 0 {
		found = fmt.Errorf("interceptor: policy and services don't match:\n%w", errors.Join(problems...))
	}
	if s.shadow != nil {
		return errors.Join(ErrShadow, found)
	}
	return found
}

// problemsOf returns what Audit finds.
func (s *Server) problemsOf(server ServiceInfoProvider) []error {
	var problems []error
	var overlooked []string
	registered := methodsOf(server)
	for _, method := range registered {
		if s.isOverlooked(method) {
			overlooked = append(overlooked, method)
		} else if problem := s.problemWith(method); problem != nil {
			problems = append(problems, problem)
		}
	}
	if len(overlooked) > 0 {
		problems = append(problems, fmt.Errorf("add interceptor.FromProto(): the policy has other rules than the protos for %s",
			strings.Join(overlooked, ", ")))
	}
	for _, method := range s.rules.methods() {
		_, ok := slices.BinarySearch(registered, method)
		if !ok && s.rules.rule(method).inCode && !isReadyMade(method) {
			problems = append(problems, fmt.Errorf("a rule names %s, which is not registered: remove or correct it", method))
		}
	}
	return problems
}

// problemWith returns what is wrong with a registered method, nil if nothing is.
func (s *Server) problemWith(method string) error {
	r := s.rules.rule(method)
	_, own := s.rules.byMethod[method]
	service := serviceOf(method)
	switch file, known := s.rules.files[service]; {
	case own:
		return s.unmeetable(method, r)
	case s.rules.fromProto && !known:
		return fmt.Errorf("no descriptor of %s for %s: pass the files that have it, interceptor.FromProto(files), "+
			"or add %s", service, method, suggestion(method))
	case r != nil:
		return s.unmeetable(method, r)
	case known && !isReadyMade(method):
		return fmt.Errorf("no rule for %s: add to its method in %s: option (jwtrelay.policy.v1.rule).authenticated = {}; "+
			"or %s", method, file, suggestion(method))
	default:
		return fmt.Errorf("no rule for %s: add %s", method, suggestion(method))
	}
}

// unmeetable returns an error if a method's rule asks for issuers of which the
// verifier trusts none, so that no token could ever do.
func (s *Server) unmeetable(method string, r *rule) error {
	for _, requirement := range r.requirements {
		if len(requirement.issuers) > 0 && !slices.ContainsFunc(requirement.issuers, s.trusts) {
			return fmt.Errorf("nobody can call %s: it asks for %s, which the verifier doesn't trust", method, requirement.text)
		}
	}
	return nil
}

func (s *Server) trusts(issuer string) bool { return slices.Contains(s.verifier.Issuers(), issuer) }

// isOverlooked reports whether the protos that are linked have a rule for the
// method, readable or not, that says something else than the policy, of which
// FromProto is no part.
func (s *Server) isOverlooked(method string) bool {
	if _, own := s.rules.byMethod[method]; own || s.rules.fromProto {
		return false
	}
	service, name, _ := splitMethod(method)
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service).Append(protoreflect.Name(name)))
	if err != nil {
		return false
	}
	descriptor, ok := found.(protoreflect.MethodDescriptor)
	if !ok {
		return false
	}
	inProto, has, err := protoRuleOf(descriptor)
	r := s.rules.rule(method)
	return err != nil || has && (r == nil || inProto.String() != r.String())
}

// suggestion is the rule in code that is most likely missing.
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
