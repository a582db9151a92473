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
func WeighToken(t *Token) uint32 { return t.says().weight() }

// CacheWeight returns how many bytes all tokens in the cache are taken to occupy.
func (v *Verifier) CacheWeight() uint64 { return v.cache.kept.WeightedSize() }
