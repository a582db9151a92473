package interceptor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	policyv1 "github.com/jwtrelay/jwtrelay/proto/jwtrelay/policy/v1"
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
		for _, service := range servicesIn(files) {
			c.table.files[string(service.FullName())] = service.ParentFile().Path()
			addService(c, service)
		}
	}
}

// addService adds the rules of a service's methods.
func addService(c *compiler, service protoreflect.ServiceDescriptor) {
	if err := checkDefault(service); err != nil {
		c.fail("%s: the default rule of %s: %w", service.ParentFile().Path(), service.FullName(), err)
	}
	methods := service.Methods()
	for i := range methods.Len() {
		switch r, ok, err := ruleOf(methods.Get(i)); {
		case err != nil:
			c.fail("%s: %w", service.ParentFile().Path(), err)
		case ok:
			c.add(fullMethod(methods.Get(i)), r)
		}
	}
}

// checkDefault returns what is wrong with a service's default, even if no method
// falls back on it: the next one may.
func checkDefault(service protoreflect.ServiceDescriptor) error {
	option, err := optionOf(service.Options(), policyv1.E_DefaultRule)
	if err != nil || option == nil {
		return err
	}
	_, err = translate(option)
	return err
}

// ruleOf returns the rule that the proto has for a method, and false if it has
// none.
func ruleOf(method protoreflect.MethodDescriptor) (rule, bool, error) {
	service := method.Parent()
	option, err := optionOf(method.Options(), policyv1.E_Rule)
	if option == nil && err == nil {
		option, err = optionOf(service.Options(), policyv1.E_DefaultRule)
	}
	if err != nil || option == nil {
		return rule{}, false, inProto(method, err)
	}
	r, err := translate(option)
	r.origin = method.ParentFile().Path()
	return r, true, inProto(method, err)
}

// inProto says which method an error is about.
func inProto(method protoreflect.MethodDescriptor, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the rule of %s: %w", method.FullName(), err)
}

// optionOf returns the rule among options, nil if there is none. However it got
// there (as an extension of this program's type, of another's, or as a field
// that nobody knew), it is read anew from its bytes.
func optionOf(options pb.Message, extension protoreflect.ExtensionType) (*policyv1.Rule, error) {
	raw, err := pb.MarshalOptions{AllowPartial: true}.Marshal(options)
	if err != nil {
		return nil, err
	}
	resolver := new(protoregistry.Types)
	if err := resolver.RegisterExtension(extension); err != nil {
		return nil, err
	}
	again := options.ProtoReflect().New().Interface()
	if err := (pb.UnmarshalOptions{AllowPartial: true, Resolver: resolver}).Unmarshal(raw, again); err != nil {
		return nil, err
	}
	if hasField(again.ProtoReflect().GetUnknown(), extension.TypeDescriptor().Number()) {
		return nil, fmt.Errorf("option %s is not a message", extension.TypeDescriptor().FullName())
	}
	if isUninterpreted(again) {
		return nil, errors.New("it has uninterpreted options, one of which may be a rule: compile the file with its imports")
	}
	if !pb.HasExtension(again, extension) {
		return nil, nil
	}
	option, ok := pb.GetExtension(again, extension).(*policyv1.Rule)
	if !ok {
		return nil, fmt.Errorf("option %s is no Rule", extension.TypeDescriptor().FullName())
	}
	return option, nil
}

// isUninterpreted reports whether among options are some that a parser left as
// their names and text.
func isUninterpreted(options pb.Message) bool {
	unread, ok := options.(interface {
		GetUninterpretedOption() []*descriptorpb.UninterpretedOption
	})
	return ok && len(unread.GetUninterpretedOption()) > 0
}

// hasField reports whether unknown fields have one of the number.
func hasField(unknown protoreflect.RawFields, number protowire.Number) bool {
	for len(unknown) > 0 {
		found, _, n := protowire.ConsumeField(unknown)
		if n < 0 || found == number { // what can't be read may be it
			return true
		}
		unknown = unknown[n:]
	}
	return false
}

// translate returns the rule that an option means.
func translate(option *policyv1.Rule) (rule, error) {
	if err := wholly(option.ProtoReflect()); err != nil {
		return rule{}, err
	}
	switch asked := option.GetAccess().(type) {
	case *policyv1.Rule_Public:
		return rule{access: public}, nil
	case *policyv1.Rule_Optional:
		return rule{access: optional}, nil
	case *policyv1.Rule_Authenticated:
		requirements, err := requirementsOf(asked.Authenticated)
		return rule{access: authenticated, requirements: requirements}, err
	default:
		return rule{}, errors.New("it says none of public, optional and authenticated")
	}
}

// requirementsOf returns what an Authenticated asks for.
func requirementsOf(asked *policyv1.Authenticated) ([]Requirement, error) {
	var all []Requirement
	if scopes := asked.GetAllScopes(); len(scopes) > 0 {
		all = append(all, Scopes(scopes...))
	}
	if scopes := asked.GetAnyScopes(); len(scopes) > 0 {
		all = append(all, AnyScope(scopes...))
	}
	for _, claim := range asked.GetClaims() {
		all = append(all, Claim(claim.GetPath(), claim.GetAnyOf()...))
	}
	if issuers := asked.GetIssuers(); len(issuers) > 0 {
		all = append(all, Issuers(issuers...))
	}
	if age := asked.GetMaxAge(); age != nil {
		if err := age.CheckValid(); err != nil {
			return nil, err
		}
		all = append(all, MaxAge(age.AsDuration()))
	}
	if peers := asked.GetPeers(); len(peers) > 0 {
		all = append(all, Peers(peers...))
	}
	for _, requirement := range all {
		if requirement.err != nil {
			return nil, requirement.err
		}
	}
	return all, nil
}

// wholly returns an error if a message has a field that this version doesn't
// know, which may well ask for more.
func wholly(message protoreflect.Message) error {
	if len(message.GetUnknown()) > 0 {
		return fmt.Errorf("%s has a field that this version of jwtrelay doesn't know", message.Descriptor().FullName())
	}
	var problem error
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				problem = errors.Join(problem, wholly(value.List().Get(i).Message()))
			}
		default:
			problem = wholly(value.Message())
		}
		return problem == nil
	})
	return problem
}

// servicesIn returns the services in files, in the order of the files' paths. It
// looks into no file while it ranges: that locks the registry, which a file that is
// looked into for the first time locks again to find its imports.
func servicesIn(files *protoregistry.Files) []protoreflect.ServiceDescriptor {
	var found []protoreflect.FileDescriptor
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		found = append(found, file)
		return true
	})
	slices.SortFunc(found, func(a, b protoreflect.FileDescriptor) int { return strings.Compare(a.Path(), b.Path()) })
	var all []protoreflect.ServiceDescriptor
	for _, file := range found {
		services := file.Services()
		for i := range services.Len() {
			all = append(all, services.Get(i))
		}
	}
	return all
}

// fullMethod returns the name of a method as calls have it.
func fullMethod(method protoreflect.MethodDescriptor) string {
	return "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
}
