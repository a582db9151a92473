package token

import (
	"context"
	"strings"
)

// TakeSlot takes one of the turns that [MaxConcurrentVerifications] limits.
func (v *Verifier) TakeSlot() (free func()) {
	if err := v.slots.take(context.Background()); err != nil {
		panic(err)
	}
	return v.slots.free
}

// Turns returns how many signatures the verifier checks at once.
func (v *Verifier) Turns() int { return cap(v.slots) }

// RemembersHeader reports whether the verifier remembers the header of a token.
func (v *Verifier) RemembersHeader(raw string) bool {
	encoded, _, _ := strings.Cut(raw, ".")
	return v.headers.find(encoded) != nil
}

// WeighToken returns how many bytes a token is taken to occupy in the cache.
func (v *Verifier) WeighToken(t *Token) uint32 { return v.cache.weigh(len(t.Raw()), &t.says().claims) }
