package interceptor

import "slices"

// Policy says who may call which method. Build one from [Public], [Optional],
// [Authenticated] and [FromProto], and join several with [Rules]. Mistakes in it
// are reported by [NewServer], all at once. A Policy is immutable.
type Policy interface {
	// With returns the policy with more asked of callers, in each of its rules
	// that need a token: all of it must hold, beside what they ask for already.
	// Rules that are Public or Optional stay as they are, also for callers with a
	// token. A policy without a rule that needs one is an error.
	With(requirements ...Requirement) Policy

	addTo(c *compiler)
}

// Public lets anyone call the methods, which are named by their full names as
// the generated constants have them (orderspb.Orders_List_FullMethodName).
// A token that comes along is neither looked at nor relayed.
func Public(methods ...string) Policy { return named{public, slices.Clone(methods), "Public()"} }

// Optional lets anyone call the methods, but not with a token that is invalid.
// The handler sees who is calling if there was a token.
func Optional(methods ...string) Policy { return named{optional, slices.Clone(methods), "Optional()"} }

// Authenticated lets callers with a valid token call the methods; With asks for
// more. Without arguments it is the rule for every method that has no other; so
// make sure that a list which you pass is not nil.
//
//	interceptor.Authenticated(orderspb.Orders_Cancel_FullMethodName).
//		With(interceptor.Scopes("orders.admin"))
func Authenticated(methods ...string) Policy {
	if methods == nil { // a list that is empty is a mistake, not a rule for everything
		return everything{}
	}
	return named{authenticated, slices.Clone(methods), "Authenticated()"}
}

// Rules joins policies. Their order doesn't matter: a method has one rule, and one
// that has two, even if they say the same, is an error.
func Rules(policies ...Policy) Policy { return rules(slices.Clone(policies)) }

// access is what a rule asks of the caller first of all.
type access int

const (
	authenticated access = iota // the strictest is the zero value
	optional
	public
)

// named is one rule for some methods.
type named struct {
	access  access
	methods []string
	origin  string
}

func (n named) With(requirements ...Requirement) Policy { return askingFor(n, requirements) }

func (n named) addTo(c *compiler) {
	if len(n.methods) == 0 {
		c.fail("%s names no method", n.origin)
	}
	for _, method := range n.methods {
		if !isFullMethod(method) {
			c.fail("%s: %q is not a full method name, such as /package.Service/Method", n.origin, method)
			continue
		}
		c.add(method, rule{access: n.access, origin: n.origin, inCode: true})
	}
}

// everything is the rule for all methods that have none.
type everything struct{}

func (e everything) With(requirements ...Requirement) Policy { return askingFor(e, requirements) }

func (everything) addTo(c *compiler) {
	c.addOthers(rule{access: authenticated, origin: "Authenticated()", inCode: true})
}

// rules are several policies.
type rules []Policy

func (r rules) With(requirements ...Requirement) Policy { return askingFor(r, requirements) }

func (r rules) addTo(c *compiler) {
	if len(r) == 0 {
		c.fail("Rules() has no policies")
	}
	for _, policy := range r {
		if policy == nil {
			c.fail("Rules has a nil policy")
			continue
		}
		policy.addTo(c)
	}
}

// asking is a policy that asks for more.
type asking struct {
	policy       Policy
	requirements []Requirement
}

// askingFor returns a policy that asks for more, whatever becomes of the slice.
func askingFor(policy Policy, requirements []Requirement) Policy {
	return asking{policy, slices.Clone(requirements)}
}

func (a asking) With(requirements ...Requirement) Policy { return askingFor(a, requirements) }

func (a asking) addTo(c *compiler) { c.narrowed(a.requirements, a.policy.addTo) }
