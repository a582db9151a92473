package interceptor

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	_ "google.golang.org/protobuf/types/descriptorpb" // else no descriptor has options
	"google.golang.org/protobuf/types/known/durationpb"
)

// The numbers of fields among the options of a method or a service.
const (
	ruleNumber          protowire.Number = 75190 // rule and default_rule, see policy.proto
	uninterpretedNumber protowire.Number = 999   // what a parser left as names and text
)

// policyPackage is where the messages of policy.proto are.
const policyPackage = "jwtrelay.policy.v1."

// readOption returns the rule among the options of a method or a service, and
// false if there is none. However it got there (as an extension of this program
// or of another, or as a field that nobody knew), it is read from its bytes. So
// this package links no generated code of policy.proto, of which a program can
// hold only one: users may generate their own.
func readOption(options pb.Message) (r rule, ok bool, err error) {
	if options == nil {
		return rule{}, false, errors.New("its options can't be read")
	}
	if name := foreignOption(options); name != "" {
		return rule{}, false, fmt.Errorf("option %s has the number %d, which is that of %srule", name, ruleNumber, policyPackage)
	}
	raw, err := pb.MarshalOptions{AllowPartial: true}.Marshal(options)
	if err != nil {
		return rule{}, false, err
	}
	var message []byte
	for len(raw) > 0 {
		number, kind, n := protowire.ConsumeField(raw)
		switch {
		case n < 0:
			return rule{}, false, protowire.ParseError(n)
		case number == uninterpretedNumber:
			return rule{}, false, errors.New("it has uninterpreted options, one of which may be a rule: compile the file with its imports")
		case number == ruleNumber && kind != protowire.BytesType:
			return rule{}, false, fmt.Errorf("option %d is not a message", ruleNumber)
		case number == ruleNumber:
			ok, message = true, append(message, contentOf(raw[:n])...) // pieces of a message count as one
		}
		raw = raw[n:]
	}
	if !ok {
		return rule{}, false, nil
	}
	r, err = readRule(message)
	return r, true, err
}

// foreignOption returns the name of an option that has the number of ours, "" if
// there is none that is known.
func foreignOption(options pb.Message) (name protoreflect.FullName) {
	options.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if field.Number() == ruleNumber && !isOurs(field.FullName()) {
			name = field.FullName()
		}
		return name == ""
	})
	return name
}

// isOurs reports whether name is that of one of our options.
func isOurs(name protoreflect.FullName) bool {
	return name == policyPackage+"rule" || name == policyPackage+"default_rule"
}

// contentOf returns what is in a whole field of bytes.
func contentOf(field []byte) []byte {
	_, _, n := protowire.ConsumeTag(field)
	content, _ := protowire.ConsumeBytes(field[n:])
	return content
}

// readRule reads a jwtrelay.policy.v1.Rule.
func readRule(message []byte) (rule, error) {
	said := make(map[access]bool)
	var asked []byte
	err := fields{
		1: func(empty []byte) error { said[public] = true; return fields{}.read(policyPackage+"Public", empty) },
		2: func(empty []byte) error { said[optional] = true; return fields{}.read(policyPackage+"Optional", empty) },
		3: func(piece []byte) error { said[authenticated] = true; asked = append(asked, piece...); return nil },
	}.read(policyPackage+"Rule", message)
	switch {
	case err != nil:
		return rule{}, err
	case len(said) == 0:
		return rule{}, errors.New("it says none of public, optional and authenticated")
	case len(said) > 1:
		return rule{}, errors.New("it says more than one of public, optional and authenticated")
	case said[public]:
		return rule{access: public}, nil
	case said[optional]:
		return rule{access: optional}, nil
	}
	requirements, err := readAuthenticated(asked)
	return rule{access: authenticated, requirements: requirements}, err
}

// authenticatedOption is a jwtrelay.policy.v1.Authenticated.
type authenticatedOption struct {
	allScopes, anyScopes, issuers, peers []string

	claims []claimOption
	maxAge *durationpb.Duration // nil if there is none
}

// claimOption is a jwtrelay.policy.v1.Claim.
type claimOption struct {
	path  []string // the last one counts
	anyOf []string
}

// readAuthenticated returns what a jwtrelay.policy.v1.Authenticated asks for.
func readAuthenticated(message []byte) ([]Requirement, error) {
	var o authenticatedOption
	err := fields{
		1: texts(&o.allScopes),
		2: texts(&o.anyScopes),
		3: o.addClaim,
		4: texts(&o.issuers),
		5: o.addMaxAge,
		6: texts(&o.peers),
	}.read(policyPackage+"Authenticated", message)
	if err != nil {
		return nil, err
	}
	return o.requirements()
}

func (o *authenticatedOption) addClaim(message []byte) error {
	var claim claimOption
	err := fields{1: texts(&claim.path), 2: texts(&claim.anyOf)}.read(policyPackage+"Claim", message)
	o.claims = append(o.claims, claim)
	return err
}

func (o *authenticatedOption) addMaxAge(message []byte) error {
	if o.maxAge == nil {
		o.maxAge = new(durationpb.Duration)
	}
	if err := (pb.UnmarshalOptions{Merge: true}).Unmarshal(message, o.maxAge); err != nil {
		return err
	}
	if len(o.maxAge.ProtoReflect().GetUnknown()) > 0 {
		return errUnknownField("google.protobuf.Duration")
	}
	return nil
}

// requirements returns what the option asks for, and names the field that is
// wrong.
func (o *authenticatedOption) requirements() ([]Requirement, error) {
	var all []Requirement
	var wrong error
	add := func(field string, r Requirement) {
		all = append(all, r)
		if r.err != nil && wrong == nil {
			wrong = fmt.Errorf("authenticated.%s: %w", field, r.err)
		}
	}
	if len(o.allScopes) > 0 {
		add("all_scopes", Scopes(o.allScopes...))
	}
	if len(o.anyScopes) > 0 {
		add("any_scopes", AnyScope(o.anyScopes...))
	}
	for _, claim := range o.claims {
		add("claims", Claim(lastOf(claim.path), claim.anyOf...))
	}
	if len(o.issuers) > 0 {
		add("issuers", Issuers(o.issuers...))
	}
	if o.maxAge != nil {
		add("max_age", maxAgeOf(o.maxAge))
	}
	if len(o.peers) > 0 {
		add("peers", Peers(o.peers...))
	}
	return all, wrong
}

func maxAgeOf(age *durationpb.Duration) Requirement {
	if err := age.CheckValid(); err != nil {
		return Requirement{err: err}
	}
	return MaxAge(age.AsDuration())
}

// lastOf returns the last of some texts, "" if there are none.
func lastOf(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// fields says what to do with the fields of a message. Those of the messages in
// policy.proto all hold text or messages.
type fields map[protowire.Number]func(content []byte) error

// read reads a message. A field that is not among the fields is an error: it may
// well ask for more.
func (f fields) read(name string, message []byte) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeField(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		take, known := f[number]
		if !known || kind != protowire.BytesType {
			return errUnknownField(name)
		}
		if err := take(contentOf(message[:n])); err != nil {
			return err
		}
		message = message[n:]
	}
	return nil
}

func errUnknownField(name string) error {
	return fmt.Errorf("%s has a field that this version of jwtrelay doesn't know", name)
}

// texts adds the content of a field to list.
func texts(list *[]string) func([]byte) error {
	return func(content []byte) error {
		if !utf8.Valid(content) {
			return errors.New("it has text that is not UTF-8")
		}
		*list = append(*list, string(content))
		return nil
	}
}
