package main

import (
	"context"
	"fmt"

	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/check/checkutil"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	methodOption  = "option (jwtrelay.policy.v1.rule).authenticated = {};"
	serviceOption = "option (jwtrelay.policy.v1.default_rule).authenticated = {};"
)

// spec says what the plugin checks. The rule is a default: who lists the plugin
// and no rules at all wants it.
func spec() *check.Spec {
	return &check.Spec{Rules: []*check.RuleSpec{{
		ID:      "JWTRELAY_RPC_RULE",
		Default: true,
		Purpose: "Checks that every RPC says who may call it, with (jwtrelay.policy.v1.rule) or its service's (jwtrelay.policy.v1.default_rule).",
		Type:    check.RuleTypeLint,
		Handler: checkutil.NewServiceRuleHandler(checkService, checkutil.WithoutImports()),
	}}}
}

// checkService annotates what is missing from a service and what is wrong in it.
func checkService(_ context.Context, w check.ResponseWriter, _ check.Request, service protoreflect.ServiceDescriptor) error {
	byDefault, err := readRule(service.Options())
	if err != nil {
		return fmt.Errorf("service %s: %w", service.FullName(), err)
	}
	if mistake, ok := byDefault.mistake(serviceOption); ok {
		annotate(w, service, "The default rule of service %q %s", service.FullName(), mistake)
	}
	for i := range service.Methods().Len() {
		if err := checkMethod(w, service.Methods().Get(i), byDefault); err != nil {
			return err
		}
	}
	return nil
}

// checkMethod annotates a method without a rule, or with a bad one. A bad rule
// of its service is reported there, and not again at each method.
func checkMethod(w check.ResponseWriter, method protoreflect.MethodDescriptor, byDefault rule) error {
	own, err := readRule(method.Options())
	if err != nil {
		return fmt.Errorf("RPC %s: %w", method.FullName(), err)
	}
	if own == absent && byDefault == absent {
		annotate(w, method, "RPC %q has no rule: add %q, or give its service a default_rule.", method.FullName(), methodOption)
	}
	if mistake, ok := own.mistake(methodOption); ok {
		annotate(w, method, "The rule of RPC %q %s", method.FullName(), mistake)
	}
	return nil
}

func annotate(w check.ResponseWriter, at protoreflect.Descriptor, format string, args ...any) {
	w.AddAnnotation(check.WithDescriptor(at), check.WithMessagef(format, args...))
}
