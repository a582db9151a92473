package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// errScope says that a login asked for a scope that the user doesn't have.
var errScope = errors.New("auth: a scope that the user doesn't have")

// checkScopes returns an error if one of the scopes is not a scope-token (RFC
// 6749 section 3.3).
func checkScopes(scopes []string) error {
	for _, scope := range scopes {
		if scope == "" || strings.ContainsFunc(scope, isNoScopeRune) {
			return fmt.Errorf("%q is not a scope", scope)
		}
	}
	return nil
}

func isNoScopeRune(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }

// grantScopes returns the scopes that a token gets: those that are asked for,
// with a space between each, or all that the user has if none are. It is
// errScope if the user lacks one of them: a token that can do less than was
// asked for would only be refused later.
func grantScopes(has []string, asked string) ([]string, error) {
	if asked == "" {
		return has, nil
	}
	var granted []string
	for scope := range strings.SplitSeq(asked, " ") {
		if !slices.Contains(has, scope) {
			return nil, errScope
		}
		if !slices.Contains(granted, scope) {
			granted = append(granted, scope)
		}
	}
	return granted, nil
}
