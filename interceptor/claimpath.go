package interceptor

import (
	"fmt"
	"strings"
)

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
