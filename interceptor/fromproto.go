package interceptor

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// FromProto takes the rules from the protos: the options rule of methods and
// default_rule of services, in jwtrelay/policy/v1/policy.proto. It reads all
// services of the given files, by default of those that are linked into the
// program ([protoregistry.GlobalFiles]), once, when [NewServer] is called. An
// option that can't be read or understood is an error, never no rule.
//
// A method without a rule, of its own or of its service, has none here either;
// another policy may have one for it. A method that other policies name too is
// an error: the proto is where a reader looks for its rule.
func FromProto(files ...*protoregistry.Files) Policy {
	if len(files) == 0 {
		return fromProto{protoregistry.GlobalFiles}
	}
	return fromProto(slices.Clone(files))
}

type fromProto []*protoregistry.Files

func (f fromProto) With(requirements ...Requirement) Policy { return askingFor(f, requirements) }

func (f fromProto) addTo(c *compiler) {
	c.table.fromProto = true
	for _, files := range f {
		if files == nil {
			c.fail("FromProto has nil files")
			continue
		}
		for _, option := range foreignOptionsIn(files) {
			c.fail("option %s has the number %d, which is that of %srule", option, ruleNumber, policyPackage)
		}
		for _, service := range servicesIn(files) {
			c.table.files[string(service.FullName())] = service.ParentFile().Path()
			c.table.services[string(service.FullName())] = true
			addService(c, service)
		}
	}
}

// addService adds the rules of a service's methods. What is wrong with its default
// is told once, even if no method falls back on it: the next one may.
func addService(c *compiler, service protoreflect.ServiceDescriptor) {
	file := service.ParentFile().Path()
	byDefault, hasDefault, err := readOption(service.Options())
	if err != nil {
		c.fail("%s: the default rule of %s: %w", file, service.FullName(), err)
		hasDefault = false
	}
	methods := service.Methods()
	for i := range methods.Len() {
		r, ok, err := readOption(methods.Get(i).Options())
		if err != nil {
			c.fail("%s: the rule of %s: %w", file, methods.Get(i).FullName(), err)
			continue
		}
		if !ok {
			r, ok = byDefault, hasDefault
		}
		if r.origin = file; ok {
			c.add(fullMethod(methods.Get(i)), r)
		}
	}
}

// protoRuleOf returns the rule that the proto has for a method, and false if it
// has none.
func protoRuleOf(method protoreflect.MethodDescriptor) (rule, bool, error) {
	if r, ok, err := readOption(method.Options()); ok || err != nil {
		return r, ok, err
	}
	return readOption(method.Parent().Options())
}

// foreignOptionsIn returns the options in files that have the number of ours. Where
// nothing links their code, they are bytes like those of a rule.
func foreignOptionsIn(files *protoregistry.Files) (names []protoreflect.FullName) {
	look := func(all protoreflect.ExtensionDescriptors) {
		for i := range all.Len() {
			extendee := all.Get(i).ContainingMessage().FullName()
			ofOurs := extendee == "google.protobuf.MethodOptions" || extendee == "google.protobuf.ServiceOptions"
			if ofOurs && all.Get(i).Number() == ruleNumber && !isOurs(all.Get(i).FullName()) {
				names = append(names, all.Get(i).FullName())
			}
		}
	}
	for _, file := range filesIn(files) {
		look(file.Extensions())
		for _, message := range messagesIn(file.Messages()) {
			look(message.Extensions())
		}
	}
	return names
}

// messagesIn returns messages and those inside them.
func messagesIn(all protoreflect.MessageDescriptors) (found []protoreflect.MessageDescriptor) {
	for i := range all.Len() {
		found = append(append(found, all.Get(i)), messagesIn(all.Get(i).Messages())...)
	}
	return found
}

// filesIn returns files in the order of their paths. It looks into no file while it
// ranges: that locks the registry, which a file that is looked into for the first
// time locks again to find its imports.
func filesIn(files *protoregistry.Files) (found []protoreflect.FileDescriptor) {
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		found = append(found, file)
		return true
	})
	slices.SortFunc(found, func(a, b protoreflect.FileDescriptor) int { return strings.Compare(a.Path(), b.Path()) })
	return found
}

// servicesIn returns the services in files, in the order of the files' paths.
func servicesIn(files *protoregistry.Files) []protoreflect.ServiceDescriptor {
	var all []protoreflect.ServiceDescriptor
	for _, file := range filesIn(files) {
		services := file.Services()
		for i := range services.Len() {
			all = append(all, services.Get(i))
		}
	}
	return all
}
