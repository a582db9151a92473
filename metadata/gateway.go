package metadata

import (
	"net/http"
	"strings"
)

// GatewayMatcher returns a matcher of incoming headers for grpc-gateway, with
// which the token of an HTTP request reaches the gRPC server under one key, once
// for each value that the request has:
//
//	runtime.WithIncomingHeaderMatcher(metadata.GatewayMatcher(runtime.DefaultHeaderMatcher))
//
// The matcher answers under which key a header goes on, and whether it does. It
// never lets Authorization pass: grpc-gateway sends that as authorization in any
// case, and [runtime.DefaultHeaderMatcher] sends a copy that nobody verifies.
// Every other header is for next to decide, which may be nil: then none passes.
// But a header that next lets pass as authorization, in any letter case, does
// not: it would be a second value. [runtime.LegacyHeaderMatcher] does that to
// Grpc-Metadata-Authorization, and was the default in earlier releases.
//
// The matcher may be called concurrently if next may.
//
// [runtime.DefaultHeaderMatcher]: https://pkg.go.dev/github.com/grpc-ecosystem/grpc-gateway/v2/runtime#DefaultHeaderMatcher
// [runtime.LegacyHeaderMatcher]: https://pkg.go.dev/github.com/grpc-ecosystem/grpc-gateway/v2/runtime#LegacyHeaderMatcher
func GatewayMatcher(next func(header string) (key string, ok bool)) func(header string) (key string, ok bool) {
	return Header{}.GatewayMatcher(next)
}

// GatewayMatcher is [GatewayMatcher] for this header. If it is not
// authorization, the matcher lets it pass as itself, under [Header.Key], and
// nothing else under that key. Authorization then belongs to the platform:
// there is no copy and no second value of it either.
func (h Header) GatewayMatcher(next func(header string) (key string, ok bool)) func(header string) (key string, ok bool) {
	name := http.CanonicalHeaderKey(h.Key())
	return func(header string) (key string, ok bool) {
		switch http.CanonicalHeaderKey(header) {
		case authorization:
			return "", false // grpc-gateway has sent it already
		case name:
			return h.Key(), true
		}
		if next == nil {
			return "", false
		}
		if key, ok = next(header); !ok || h.isTaken(key) {
			return "", false
		}
		return key, true
	}
}

// authorization is how net/http spells [DefaultName].
const authorization = "Authorization"

// isTaken reports whether key is what the token's header, or authorization,
// goes on as: gRPC makes keys lower case.
func (h Header) isTaken(key string) bool {
	key = strings.ToLower(key)
	return key == h.Key() || key == DefaultName
}
