package interceptor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Claim asks that the claim at claimPath is one of the values or, if it is a list,
// contains one, else the call is refused with [ReasonClaimRequired]. Values are
// compared as [token.Token.HasClaim] does. In protos it is claims.
//
// A path is made of names with dots between them: tenant, realm_access.roles. A
// name with other characters than letters, digits, _ and - stands in double
// quotes: `"https://acme.example/app".roles`.
//
// [token.Token.HasClaim]: https://pkg.go.dev/github.com/jwtrelay/jwtrelay/token#Token.HasClaim
func Claim(claimPath string, values ...string) Requirement {
	values = slices.Clone(values)
	names, err := parseClaimPath(claimPath)
	text := fmt.Sprintf("claim %s is %s", claimPath, strings.Join(quotedAll(values), " or "))
	if err == nil {
		err = claimMistake(claimPath, names, values)
	}
	return Requirement{
		step: stepClaims,
		text: text,
		err:  err,
		check: func(_ context.Context, c caller) *refusalError {
			if c.token.HasClaim(names, values...) {
				return nil
			}
			return &refusalError{reason: ReasonClaimRequired, cause: errors.New("needs " + text)}
		},
	}
}

// claimMistake returns what is wrong with what a claim is asked for.
func claimMistake(claimPath string, names, values []string) error {
	switch {
	case len(values) == 0:
		return fmt.Errorf("Claim(%q): name the values that it may have", claimPath)
	case len(names) == 1 && (names[0] == "scope" || names[0] == "scp"):
		return fmt.Errorf("Claim(%q): its value is made of words, ask with Scopes or AnyScope", claimPath)
	default:
		return nil
	}
}

func quotedAll(values []string) []string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = fmt.Sprintf("%q", value)
	}
	return quoted
}

// parseClaimPath returns the names in the path of a claim: see [Claim].
func parseClaimPath(path string) (names []string, err error) {
	rest := path
	for {
		name, after, err := cutName(rest)
		if err != nil {
			return nil, fmt.Errorf("claim path %q: %w", path, err)
		}
		names = append(names, name)
		if after == "" {
			return names, nil
		}
		if after[0] != '.' {
			return nil, fmt.Errorf("claim path %q: no dot before %q", path, after)
		}
		rest = after[1:]
	}
}

// cutName returns the first name in a path, and what follows it.
func cutName(path string) (name, after string, err error) {
	if quoted, ok := strings.CutPrefix(path, `"`); ok {
		name, after, ok = strings.Cut(quoted, `"`)
		if !ok {
			return "", "", fmt.Errorf("a quote is not closed")
		}
	} else {
		end := strings.IndexFunc(path, notInBareName)
		if end < 0 {
			end = len(path)
		}
		name, after = path[:end], path[end:]
		if strings.HasPrefix(after, "[") {
			return "", "", fmt.Errorf("a list is searched as a whole, without an index")
		}
		if after != "" && after[0] != '.' {
			return "", "", fmt.Errorf(`%q may not stand in a name that is not in double quotes`, string([]rune(after)[:1]))
		}
	}
	if hasControls(name) {
		return "", "", fmt.Errorf("%q has a control character", name)
	}
	if name == "" {
		return "", "", fmt.Errorf("a name is empty")
	}
	return name, after, nil
}

// notInBareName reports whether a name with r in it must be quoted.
func notInBareName(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' && r != '-'
}
