package token

import (
	"errors"
	"fmt"
	"strings"
)

// urls returns the identifiers of the issuers that i stands for: its URL or, if
// that is a template, one for each tenant.
func (i Issuer) urls() ([]string, error) {
	if len(i.Tenants) == 0 {
		if strings.ContainsAny(i.URL, "{}") {
			return nil, errors.New("URL has a placeholder: set Tenants to those whose tokens are accepted")
		}
		return []string{i.URL}, nil
	}
	before, after, ok := cutPlaceholder(i.URL)
	if !ok {
		return nil, errors.New("URL needs one placeholder, like {tenantid}, for Tenants")
	}
	urls := make([]string, 0, len(i.Tenants))
	seen := make(map[string]bool, len(i.Tenants))
	for _, tenant := range i.Tenants {
		if !isTenant(tenant) {
			return nil, fmt.Errorf("tenant %q in Tenants is empty, or has other characters than letters, digits and -._~", tenant)
		}
		if seen[tenant] {
			return nil, fmt.Errorf("tenant %q is given twice in Tenants", tenant)
		}
		seen[tenant] = true
		urls = append(urls, before+tenant+after)
	}
	return urls, nil
}

// covers reports whether a key that says it is for the tokens of keyIssuer may
// verify those of the issuer url. The placeholder of a template stands for any
// tenant, whatever its name: a set of one tenant has keys for all of them too.
func covers(keyIssuer, url string) bool {
	if keyIssuer == "" || keyIssuer == url {
		return true
	}
	before, after, ok := cutPlaceholder(keyIssuer)
	if !ok {
		return false
	}
	rest, begins := strings.CutPrefix(url, before)
	tenant, ends := strings.CutSuffix(rest, after)
	return begins && ends && isTenant(tenant)
}

// cutPlaceholder cuts a template around its one placeholder, a name in braces.
func cutPlaceholder(template string) (before, after string, ok bool) {
	before, rest, opened := strings.Cut(template, "{")
	name, after, closed := strings.Cut(rest, "}")
	return before, after, opened && closed && name != "" && !strings.ContainsAny(before+name+after, "{}")
}

// isTenant reports whether s can stand in a URL for a tenant: it has nothing but
// the unreserved characters of RFC 3986 section 2.3, so it ends no segment.
func isTenant(s string) bool {
	return s != "" && !strings.ContainsFunc(s, isReserved)
}

func isReserved(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
}
