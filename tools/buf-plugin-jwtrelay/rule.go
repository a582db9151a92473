package main

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	pb "google.golang.org/protobuf/proto"
)

// optionNumber is that of (jwtrelay.policy.v1.rule) among the options of a
// method, and of (jwtrelay.policy.v1.default_rule) among those of a service.
const optionNumber protowire.Number = 75190

// rule is how far an option says who may call.
type rule int

const (
	absent  rule = iota // there is no option
	foreign             // it can't be a jwtrelay.policy.v1.Rule
	empty               // it says none of public, optional and authenticated
	several             // it says more than one of them
	fit                 // it says one of them
)

// mistake returns the rest of a sentence that begins with whose rule it is, and
// whether there is something wrong with it. An absent rule is no mistake: there
// may be another. The option is what to write instead.
func (r rule) mistake(option string) (string, bool) {
	switch r {
	case empty:
		return fmt.Sprintf("says none of public, optional and authenticated: write %q, for example.", option), true
	case several:
		return "says more than one of public, optional and authenticated.", true
	case foreign:
		return fmt.Sprintf("can't be read as a jwtrelay.policy.v1.Rule: is %d the number of another option?", optionNumber), true
	default:
		return "", false
	}
}

// readRule finds the rule among the options of a method or a service. It looks
// at their bytes, and so sees the option whether it is a known extension or
// not, and needs no generated code of it. The error says that the bytes are no
// options at all.
func readRule(options pb.Message) (rule, error) {
	wire, err := pb.MarshalOptions{AllowPartial: true}.Marshal(options)
	if err != nil {
		return absent, fmt.Errorf("read its options: %w", err)
	}
	found, message := false, []byte(nil)
	for len(wire) > 0 {
		number, kind, size := protowire.ConsumeField(wire)
		if size < 0 {
			return absent, fmt.Errorf("read its options: %w", protowire.ParseError(size))
		}
		if number == optionNumber {
			if kind != protowire.BytesType {
				return foreign, nil
			}
			// A message may come in pieces, which count as one.
			found, message = true, append(message, content(wire[:size])...)
		}
		wire = wire[size:]
	}
	if !found {
		return absent, nil
	}
	return judge(message), nil
}

// judge looks at the bytes of a jwtrelay.policy.v1.Rule. As protobuf does, it
// passes over fields that it doesn't know: those of a newer Rule are none.
func judge(message []byte) rule {
	said := make(map[protowire.Number]bool)
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeField(message)
		if size < 0 {
			return foreign
		}
		if number <= 3 && kind == protowire.BytesType { // public, optional, authenticated
			said[number] = true
		}
		message = message[size:]
	}
	return [...]rule{empty, fit, several, several}[len(said)]
}

// content returns what is in a well-formed field of type bytes.
func content(field []byte) []byte {
	_, _, tag := protowire.ConsumeTag(field)
	value, _ := protowire.ConsumeBytes(field[tag:])
	return value
}
