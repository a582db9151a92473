package interceptor

import (
	"net/url"
	"path"
	"strings"
)

// ruleFor returns the name of what a request asks for, a full method or another
// path, and its rule, nil if it has none: that of the method, that of the longest
// path that fits, or that of all other methods, in this order.
func (h *httpHandler) ruleFor(u *url.URL) (name string, found *rule) {
	if !isPath(u.Path) || hidesSlash(u) {
		return shortened(u.Path, maxName), nil
	}
	method, below := strings.CutPrefix(u.Path, h.prefix)
	isMethod := below && isFullMethod(method) && u.RawPath == ""
	if isMethod {
		if r, ok := h.server.rules.byMethod[method]; ok {
			return method, r
		}
	}
	if r, ok := h.ruleForPath(u.Path); ok {
		return shortened(u.Path, maxName), r
	}
	if isMethod {
		return shortened(method, maxName), h.server.rules.others
	}
	return shortened(u.Path, maxName), nil
}

// ruleForPath returns the rule of the longest named path that fits.
func (h *httpHandler) ruleForPath(p string) (r *rule, ok bool) {
	if r, ok = h.paths[p]; ok {
		return r, true
	}
	longest := 0
	for named, candidate := range h.paths {
		if strings.HasSuffix(named, "/") && strings.HasPrefix(p, named) && len(named) > longest {
			r, ok, longest = candidate, true, len(named)
		}
	}
	return r, ok
}

// isPath reports whether p is a path that means the same to everyone: one that
// begins with a slash and has no dot segments, no empty ones and no backslash.
func isPath(p string) bool {
	if !strings.HasPrefix(p, "/") || strings.Contains(p, "//") || strings.ContainsAny(p, "\\\x00") {
		return false
	}
	return p == "/" || path.Clean(p) == strings.TrimSuffix(p, "/")
}

// hidesSlash reports whether the path of u was written with an encoded slash,
// which some take for a slash and some don't.
func hidesSlash(u *url.URL) bool {
	return strings.Contains(strings.ToLower(u.RawPath), "%2f")
}
