package interceptor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jwtrelay/jwtrelay/token"
)

// Scopes asks for all these scopes (RFC 6749 section 3.3), else the call is
// refused with [ReasonScopeInsufficient]. In protos it is all_scopes.
func Scopes(all ...string) Requirement {
	all = slices.Clone(all)
	r := scopes("scope "+strings.Join(all, " and "), func(t *token.Token) bool {
		return !slices.ContainsFunc(all, func(scope string) bool { return !t.HasScope(scope) })
	})
	r.err = mistakes("Scopes", all, isScope, "not a scope (RFC 6749 section 3.3)")
	r.scopes = all
	return r
}

// AnyScope asks for one of these scopes, else the call is refused with
// [ReasonScopeInsufficient]. List the one that grants least first: it is what
// callers who have none of them are told to ask for. In protos it is any_scopes.
func AnyScope(oneOf ...string) Requirement {
	oneOf = slices.Clone(oneOf)
	r := scopes("scope "+strings.Join(oneOf, " or "), func(t *token.Token) bool {
		return slices.ContainsFunc(oneOf, t.HasScope)
	})
	r.err = mistakes("AnyScope", oneOf, isScope, "not a scope (RFC 6749 section 3.3)")
	r.scopes = oneOf[:min(1, len(oneOf))]
	return r
}

func scopes(text string, granted func(t *token.Token) bool) Requirement {
	return Requirement{
		step: stepScopes,
		text: text,
		check: func(_ context.Context, c caller) *refusalError {
			if granted(c.token) {
				return nil
			}
			return &refusalError{
				reason: ReasonScopeInsufficient, scope: c.rule.scope,
				cause: fmt.Errorf("needs %s, has %q", text, c.token.Scopes()),
			}
		},
	}
}

// scopeOf returns what a caller of a rule should ask the issuer for: the scope
// attribute of RFC 6750 section 3, which is about the resource and not about what
// this caller lacks.
func scopeOf(requirements []Requirement) string {
	var all []string
	for _, requirement := range requirements {
		for _, scope := range requirement.scopes {
			if !slices.Contains(all, scope) {
				all = append(all, scope)
			}
		}
	}
	return strings.Join(all, " ")
}

// isScope reports whether s is a scope-token (RFC 6749 section 3.3).
func isScope(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '"' || r == '\\'
	})
}
