package token

import (
	"strings"

	"github.com/maypok86/otter/v2"
)

// headers remember what headers say, by how they were sent. An issuer's tokens have the
// same one for as long as it signs with one key. Only a header that a signature held
// under is remembered, so nobody can fill the room with others.
type headers struct {
	kept *otter.Cache[string, *header]
}

// How much room there is, in bytes, and what a header takes beside its own text.
const (
	headersSize    = 256 << 10
	weightOfHeader = 256
)

func newHeaders() headers {
	return headers{otter.Must(&otter.Options[string, *header]{
		MaximumWeight: headersSize,
		Weigher: func(encoded string, _ *header) uint32 {
			return uint32(weightOfHeader + 2*len(encoded)) //nolint:gosec // a token is limited to 1 MiB
		},
		Executor: func(task func()) { task() }, // as that of cache
	})}
}

// find returns what is remembered of a header, nil if nothing is. It is shared.
func (h headers) find(encoded string) *header {
	found, _ := h.kept.GetIfPresent(encoded)
	return found
}

// keep remembers a header.
func (h headers) keep(encoded string, parsed *header) {
	h.kept.Set(strings.Clone(encoded), parsed) // a part of the token would hold all of it
}
