package interceptor

import (
	"errors"
	"fmt"
	"slices"
)

// PathRule is an [HTTPOption] that has a rule for paths which are no methods.
type PathRule struct {
	option       string
	access       access
	paths        []string
	requirements []Requirement
}

// PublicPaths lets anyone request these paths. One that ends in a slash stands for
// all paths below it too; the longest that fits counts. They are no methods: what
// is a method of a service that is linked into the program, or that the policy
// names, has the rule of that method and no other, even below "/". There are no
// patterns. What is behind the handler must look at the same path, URL.Path.
func PublicPaths(paths ...string) PathRule {
	return PathRule{option: "PublicPaths", access: public, paths: slices.Clone(paths)}
}

// AuthenticatedPaths lets callers with a valid token request these paths, and With
// asks for more: see [PublicPaths].
func AuthenticatedPaths(paths ...string) PathRule {
	return PathRule{option: "AuthenticatedPaths", access: authenticated, paths: slices.Clone(paths)}
}

// With returns the rule with more asked of callers: see [Policy].
func (p PathRule) With(requirements ...Requirement) PathRule {
	if len(requirements) == 0 {
		requirements = []Requirement{{err: errors.New("With() asks for nothing")}}
	}
	p.requirements = slices.Concat(p.requirements, requirements)
	return p
}

func (p PathRule) applyHTTP(h *httpHandler) error {
	if len(p.paths) == 0 {
		return fmt.Errorf("%s() names no path", p.option)
	}
	r, err := p.compile()
	if err != nil {
		return fmt.Errorf("%s(%q): %w", p.option, p.paths[0], err)
	}
	for _, path := range p.paths {
		if err := h.addPath(path, r); err != nil {
			return fmt.Errorf("%s(%q): %w", p.option, path, err)
		}
	}
	return nil
}

// compile returns the rule of the paths.
func (p PathRule) compile() (*rule, error) {
	c := newCompiler()
	add := func(c *compiler) { c.addOthers(rule{access: p.access, origin: p.option}) }
	if p.requirements == nil {
		add(c)
	} else {
		c.narrowed(p.requirements, add)
	}
	return c.table.others, c.err()
}

// addPath adds the rule of a path.
func (h *httpHandler) addPath(path string, r *rule) error {
	if _, twice := h.paths[path]; twice {
		return errors.New("the path has a rule already")
	}
	if !isPath(path) || isPattern(path) {
		return errors.New("not a path such as /healthz, or /static/ for all below it")
	}
	if h.isService(firstSegment(path)) {
		return errors.New("these are methods: give them rules in the policy")
	}
	if h.paths == nil {
		h.paths = make(map[string]*rule)
	}
	h.paths[path] = r
	return nil
}
