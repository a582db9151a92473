package interceptor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Policy says who may call which method. Build one from [Public], [Optional]
// and [Authenticated], several with [FirstMatch]. Mistakes in it are reported
// by [NewServer].
type Policy interface {
	addTo(t *ruleTable) error
}

// Public lets anyone call the methods, which are named by their full names as
// the generated constants have them (orderspb.Orders_List_FullMethodName).
// A token that comes along is neither looked at nor relayed.
func Public(methods ...string) Policy { return named{public, methods} }

// Optional lets anyone call the methods, but not with a token that is invalid.
// The handler sees who is calling if there was a token.
func Optional(methods ...string) Policy { return named{optional, methods} }

// Authenticated lets callers with a valid token call the methods. Without
// arguments it is the rule for every method that no earlier rule names.
func Authenticated(methods ...string) Policy {
	if len(methods) == 0 {
		return everything{authenticated}
	}
	return named{authenticated, methods}
}

// FirstMatch joins policies. The rule of a method is that of the first policy
// that has one for it; a later one that names it too changes nothing.
func FirstMatch(policies ...Policy) Policy { return firstMatch(policies) }

// access is what a rule asks of the caller.
type access int

const (
	authenticated access = iota // the strictest is the zero value
	optional
	public
)

// rule is the rule of one method.
type rule struct {
	access access
}

// ruleTable is a policy made fit for look-ups. It is not modified once built.
type ruleTable struct {
	byMethod map[string]rule
	others   *rule // for every other method; nil means there is none
}

// newRuleTable compiles a policy.
func newRuleTable(policy Policy) (*ruleTable, error) {
	if policy == nil {
		return nil, errors.New("no policy: interceptor.Authenticated() asks every caller for a valid token")
	}
	t := &ruleTable{byMethod: make(map[string]rule)}
	if err := policy.addTo(t); err != nil {
		return nil, err
	}
	return t, nil
}

// rule returns the rule of a method, and false if there is none.
func (t *ruleTable) rule(method string) (rule, bool) {
	if r, ok := t.byMethod[method]; ok {
		return r, true
	}
	if t.others != nil {
		return *t.others, true
	}
	return rule{}, false
}

// methods returns the methods that rules name, sorted.
func (t *ruleTable) methods() []string {
	methods := make([]string, 0, len(t.byMethod))
	for method := range t.byMethod {
		methods = append(methods, method)
	}
	slices.Sort(methods)
	return methods
}

// named is one rule for some methods.
type named struct {
	access  access
	methods []string
}

func (n named) addTo(t *ruleTable) error {
	if len(n.methods) == 0 {
		return errors.New("a rule names no method")
	}
	for _, method := range n.methods {
		if !isFullMethod(method) {
			return fmt.Errorf("%q is not a full method name, such as /package.Service/Method", method)
		}
		if t.others != nil {
			return fmt.Errorf("the rule for %s never applies: Authenticated() before it is for every method", method)
		}
		if _, ok := t.byMethod[method]; !ok {
			t.byMethod[method] = rule{n.access}
		}
	}
	return nil
}

// everything is one rule for all methods that have none.
type everything struct{ access access }

func (e everything) addTo(t *ruleTable) error {
	if t.others != nil {
		return errors.New("Authenticated() is given twice")
	}
	t.others = &rule{e.access}
	return nil
}

type firstMatch []Policy

func (f firstMatch) addTo(t *ruleTable) error {
	if len(f) == 0 {
		return errors.New("FirstMatch() has no policies")
	}
	for _, policy := range f {
		if policy == nil {
			return errors.New("FirstMatch has a nil policy")
		}
		if err := policy.addTo(t); err != nil {
			return err
		}
	}
	return nil
}

// isFullMethod reports whether s looks like /package.Service/Method.
func isFullMethod(s string) bool {
	service, method, ok := strings.Cut(strings.TrimPrefix(s, "/"), "/")
	return ok && strings.HasPrefix(s, "/") && service != "" && method != "" &&
		!strings.Contains(method, "/") && !strings.ContainsAny(s, "* \t")
}
