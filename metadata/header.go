package metadata

import (
	"fmt"
	"strings"
)

// What a [Header] uses unless it says otherwise.
const (
	DefaultName  = "authorization"
	DefaultLimit = 16 << 10 // bytes
)

// maxLimit is the largest limit, in bytes.
const maxLimit = 1 << 20

// scheme is written in front of every token that this package sends.
const scheme = "Bearer "

// Header is the header that carries the token. The zero value is right for
// most systems. A Header is a value and safe for concurrent use.
type Header struct {
	// Name is the header's name, in any letter case.
	// Zero means authorization.
	Name string

	// Limit is the length in bytes of the longest token that is read. Zero
	// means 16 KiB.
	Limit int
}

// Validate returns an error if no call could carry a token in the header: a
// name that gRPC does not accept (one that begins with a colon) or that it or
// HTTP keeps for itself (grpc-, -bin, te, host ...), or a limit that is negative
// or over 1 MiB.
func (h Header) Validate() error {
	name := h.Key()
	if strings.IndexFunc(name, notInKey) >= 0 {
		return fmt.Errorf("metadata: header name %q has a character that gRPC does not allow in keys", h.Name)
	}
	if strings.HasPrefix(name, "grpc-") || strings.HasSuffix(name, "-bin") || isTransports(name) {
		return fmt.Errorf("metadata: header name %q is reserved by gRPC or HTTP", h.Name)
	}
	if h.Limit < 0 || h.Limit > maxLimit {
		return fmt.Errorf("metadata: the limit %d is not between 0 and %d", h.Limit, maxLimit)
	}
	return nil
}

// MaxValue returns the length in bytes of the longest header value that is
// read: the scheme, a space and a token at the limit.
func (h Header) MaxValue() int {
	if h.Limit == 0 {
		return len(scheme) + DefaultLimit
	}
	return len(scheme) + h.Limit
}

// Key returns the header's name as gRPC metadata spells it: in lower case.
func (h Header) Key() string {
	if h.Name == "" {
		return DefaultName
	}
	return strings.ToLower(h.Name)
}

// isTransports reports whether the header of that name belongs to the transport:
// gRPC writes it itself, or HTTP/2 forbids it (RFC 9113 section 8.2.2).
func isTransports(name string) bool {
	switch name {
	case "content-type", "user-agent", "te", "host", "connection", "keep-alive",
		"proxy-connection", "transfer-encoding", "upgrade":
		return true
	default:
		return false
	}
}

// notInKey reports whether r may not stand in a gRPC metadata key.
func notInKey(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && r != '_' && r != '-' && r != '.'
}
