package interceptor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// rule is the rule of one method.
type rule struct {
	access       access
	requirements []Requirement // only if authenticated; in the order in which they are checked
	scope        string        // what a caller should ask the issuer for
	origin       string        // what says so: "Public()", or a .proto file
	inCode       bool          // whether it names its methods itself, and so may misspell them
}

// refuse returns why the bearer of a valid token may not call the method, nil if
// they may.
func (r *rule) refuse(ctx context.Context, c caller) *refusalError {
	for i := range r.requirements {
		if refused := r.requirements[i].check(ctx, c); refused != nil {
			return refused
		}
	}
	return nil
}

// String says who may call.
func (r *rule) String() string {
	switch r.access {
	case public:
		return "anyone"
	case optional:
		return "anyone, with a valid token or none"
	default:
		parts := []string{"a valid token"}
		for _, requirement := range r.requirements {
			parts = append(parts, requirement.text)
		}
		return strings.Join(parts, "; ")
	}
}

// ruleTable is a policy made fit for look-ups. It is not modified once built.
type ruleTable struct {
	byMethod map[string]*rule
	others   *rule // for every other method; nil means there is none

	fromProto bool              // whether FromProto is part of the policy
	files     map[string]string // the .proto file of each service that FromProto saw
	services  map[string]bool   // those that rules or files name
}

// newRuleTable compiles a policy.
func newRuleTable(policy Policy) (*ruleTable, error) {
	if policy == nil {
		return nil, errors.New("no policy: interceptor.Authenticated() asks every caller for a valid token")
	}
	c := newCompiler()
	policy.addTo(c)
	return c.table, c.err()
}

// rule returns the rule of a method, and nil if there is none. A call whose method
// isn't known has none, nor has one that is spelt in two ways.
func (t *ruleTable) rule(method string) *rule {
	if r, ok := t.byMethod[method]; ok {
		return r
	}
	if t.others == nil || method == "" || isSpeltOddly(method) {
		return nil
	}
	return t.others
}

// isSpeltOddly reports whether what is behind a proxy may take the method for
// another, because it decodes it. (Five searches take less time than one for five
// characters, and this is asked on each call.)
func isSpeltOddly(method string) bool {
	return strings.IndexByte(method, '%') >= 0 || strings.IndexByte(method, ';') >= 0 ||
		strings.IndexByte(method, '?') >= 0 || strings.IndexByte(method, '#') >= 0 || strings.IndexByte(method, '\\') >= 0
}

// methods returns the methods that have rules of their own, sorted.
func (t *ruleTable) methods() []string { return slices.Sorted(maps.Keys(t.byMethod)) }

// compiler builds a table and collects what is wrong.
type compiler struct {
	table         *ruleTable
	problems      *[]error
	asked         []Requirement // by all With around what is being added
	narrowedRules int           // how many could be asked
}

func newCompiler() *compiler {
	return &compiler{
		table: &ruleTable{
			byMethod: make(map[string]*rule), files: make(map[string]string), services: make(map[string]bool),
		},
		problems: new([]error),
	}
}

// err returns what is wrong, nil if nothing is.
func (c *compiler) err() error {
	switch problems := *c.problems; len(problems) {
	case 0:
		return nil
	case 1:
		return problems[0]
	default:
		return fmt.Errorf("the policy has mistakes:\n%w", errors.Join(problems...))
	}
}

func (c *compiler) fail(format string, args ...any) {
	*c.problems = append(*c.problems, fmt.Errorf(format, args...))
}

// add adds the rule of a method.
func (c *compiler) add(method string, r rule) {
	if before, ok := c.table.byMethod[method]; ok {
		c.fail("%s has two rules: %q by %s and %q by %s", method, before, before.origin, &r, r.origin)
		return
	}
	c.table.byMethod[method] = c.narrow(r)
	c.table.services[serviceOf(method)] = true
}

// addOthers adds the rule of every method that has none.
func (c *compiler) addOthers(r rule) {
	if c.table.others != nil {
		c.fail("%s is given twice as the rule for all other methods", r.origin)
		return
	}
	c.table.others = c.narrow(r)
}

// narrow returns the rule with what is asked around it.
func (c *compiler) narrow(r rule) *rule {
	if r.access != authenticated {
		return &r
	}
	c.narrowedRules++
	r.requirements = slices.Concat(r.requirements, c.asked)
	slices.SortStableFunc(r.requirements, func(a, b Requirement) int { return int(a.step) - int(b.step) })
	r.scope = scopeOf(r.requirements)
	return &r
}

// narrowed runs add with more asked of each rule that it adds.
func (c *compiler) narrowed(requirements []Requirement, add func(c *compiler)) {
	if len(requirements) == 0 {
		c.fail("With() asks for nothing")
	}
	for _, requirement := range requirements {
		if requirement.err != nil {
			c.fail("%w", requirement.err)
		} else if requirement.check == nil {
			c.fail("With has a Requirement that asks for nothing")
		}
	}
	inner := compiler{table: c.table, problems: c.problems, asked: slices.Concat(c.asked, requirements)}
	before := len(*c.problems)
	add(&inner)
	if inner.narrowedRules == 0 && len(*c.problems) == before {
		c.fail("With(...) has no effect: no rule that it is for needs a token")
	}
	c.narrowedRules += inner.narrowedRules
}
