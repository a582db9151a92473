package interceptor

import (
	"net/url"
	"path"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// asked is what a request asks for.
type asked struct {
	name     string // a full method, or another path
	rule     *rule  // nil if there is none
	isMethod bool
}

// ruleFor returns what a request asks for. A path of a service that is known is a
// method's and nothing else, so that no path below which it happens to be opens
// it, and has no rule if it is oddly spelt: handlers decode it, and take it for
// that method. So has one that ends like such a method's below another prefix. What
// a gRPC client asks for is a method in any case. Of other paths, the longest that
// is named counts, and then the rule for all other methods.
func (h *httpHandler) ruleFor(u *url.URL, isGRPC bool) asked {
	name := shortened(u.Path, maxName)
	if !isPath(u.Path) || hidesSlash(u) {
		return asked{name: name}
	}
	method, below := strings.CutPrefix(u.Path, h.prefix)
	isMethod := below && isFullMethod(method) && u.RawPath == ""
	if isMethod {
		name = shortened(method, maxName)
	}
	if below && h.isService(firstSegment(method)) {
		if !isMethod {
			return asked{name: name}
		}
		return asked{name, h.server.rules.rule(method), true}
	}
	if isMethod && isGRPC { // of a service that is not known: a gRPC server routes it like any other
		return asked{name, h.server.rules.rule(method), true}
	}
	if _, exact := h.paths[u.Path]; !exact && h.endsInMethod(u.Path) {
		return asked{name: name}
	}
	if r, ok := h.ruleForPath(u.Path); ok {
		return asked{name: shortened(u.Path, maxName), rule: r}
	}
	if isMethod {
		return asked{name, h.server.rules.rule(method), true}
	}
	return asked{name: name}
}

// endsInMethod reports whether a path ends as those of a known service's methods
// do. Below another prefix than ours, somebody behind us may take it off.
func (h *httpHandler) endsInMethod(p string) bool {
	service := path.Base(path.Dir(p))
	return !strings.HasSuffix(p, "/") && h.isService(service)
}

// firstSegment returns what is between the first slash of a path and the next.
func firstSegment(p string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	return first
}

// maxDots is how many dots the name of a service may have. The registry takes
// quadratic time for more, and whoever sends them gets no path rule.
const maxDots = 32

// isService reports whether there is a service of that name: one that the policy
// names, or that is linked. Absurd names may well be.
func (h *httpHandler) isService(name string) bool {
	if h.server.rules.services[name] || strings.Count(name, ".") > maxDots {
		return true
	}
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return false
	}
	_, ok := found.(protoreflect.ServiceDescriptor)
	return ok
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
	if !strings.HasPrefix(p, "/") || strings.Contains(p, "//") || strings.Contains(p, `\`) || hasControls(p) {
		return false
	}
	for segment := range strings.SplitSeq(p, "/") { // servlets drop what follows a semicolon
		if name, _, ok := strings.Cut(segment, ";"); ok && (name == "" || name == "." || name == "..") {
			return false
		}
	}
	return p == "/" || path.Clean(p) == strings.TrimSuffix(p, "/")
}

// isPattern reports whether somebody may take p for more than one path.
func isPattern(p string) bool { return strings.ContainsAny(p, "{}*?#") }

// hidesSlash reports whether the path of u was written with an encoded slash,
// which some take for a slash and some don't.
func hidesSlash(u *url.URL) bool {
	return strings.Contains(strings.ToLower(u.RawPath), "%2f")
}
