package interceptor

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// fullMethod returns the name of a method as calls have it.
func fullMethod(method protoreflect.MethodDescriptor) string {
	return "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
}

// splitMethod returns the service and the method in /package.Service/Method. It
// is false for what doesn't look like that.
func splitMethod(full string) (service, method string, ok bool) {
	rest, ok := strings.CutPrefix(full, "/")
	if !ok || strings.ContainsAny(full, "* \t") {
		return "", "", false
	}
	service, method, ok = strings.Cut(rest, "/")
	return service, method, ok && service != "" && method != "" && !strings.Contains(method, "/")
}

// isFullMethod reports whether s looks like /package.Service/Method.
func isFullMethod(s string) bool {
	_, _, ok := splitMethod(s)
	return ok
}

// serviceOf returns the service of a full method.
func serviceOf(full string) string {
	service, _, _ := splitMethod(full)
	return service
}

// methodsOf returns the full names of the registered methods, sorted.
func methodsOf(server ServiceInfoProvider) []string {
	var methods []string
	for service, info := range server.GetServiceInfo() {
		for _, method := range info.Methods {
			methods = append(methods, "/"+service+"/"+method.Name)
		}
	}
	slices.Sort(methods)
	return methods
}
