package demo

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/interceptor"
)

// mismatch is something that is not as it should be.
type mismatch struct{ what, want, got string }

// Error implements error.
func (m *mismatch) Error() string {
	return fmt.Sprintf("%s: expected %s, got %s", m.what, m.want, m.got)
}

// expect returns a [mismatch] unless got is want.
func expect[T comparable](what string, got, want T) error {
	if got == want {
		return nil
	}
	return &mismatch{what: what, want: fmt.Sprint(want), got: fmt.Sprint(got)}
}

// within says where in a scene err happened; nil stays nil.
func within(where string, err error) error {
	var m *mismatch
	switch {
	case err == nil:
		return nil
	case errors.As(err, &m):
		return &mismatch{what: where + ": " + m.what, want: m.want, got: m.got}
	default:
		return fmt.Errorf("%s: %w", where, err)
	}
}

// checkHops checks that the answer came through these methods of the services
// that should have been called, and that each verified this subject in this
// very token.
func checkHops(hops []*platformv1.Hop, methods []string, subject string, sent bearer) error {
	if err := expect("number of hops", len(hops), len(methods)); err != nil {
		return err
	}
	for i, hop := range hops {
		at := func(what string) string { return fmt.Sprintf("%s at hop %d", what, i+1) }
		for _, err := range []error{
			expect(at("service"), hop.GetName(), services()[i]),
			expect(at("method"), hop.GetMethod(), methods[i]),
			expect(at("verified subject"), hop.GetSubject(), subject),
			expect(at("fingerprint of the token"), hop.GetFingerprint(), sent.fingerprint()),
			expect(at("verification was timed"), hop.GetVerifyTime().AsDuration() > 0, true),
		} {
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// refusal is who refused a call, and why.
type refusal struct {
	hop    string
	code   codes.Code
	reason string
	scope  string // that is missing, if that is why
}

// String implements [fmt.Stringer].
func (r refusal) String() string {
	if r == (refusal{}) {
		return "an answer"
	}
	text := fmt.Sprintf("%v %s by %s", r.code, r.reason, r.hop)
	if r.scope != "" {
		text += ", for want of " + r.scope
	}
	return text
}

// unnamed is the hop of an error that is no refusal of ours.
const unnamed = "nobody"

// refusalOf returns what an error says; the zero refusal for nil.
func refusalOf(err error) refusal {
	if err == nil {
		return refusal{}
	}
	r := refusal{code: status.Code(err), reason: "without a reason", hop: unnamed}
	if told, ok := interceptor.RefusalFrom(err); ok {
		r.reason, r.hop, r.scope = string(told.Reason), told.Hop, told.Scope
	}
	return r
}
