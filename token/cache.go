package token

import (
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// DefaultCacheSize is how many bytes of verified tokens a [Verifier] keeps unless
// [CacheSize] says otherwise: some 45 000 of usual size, without claims of a team's own.
const DefaultCacheSize = 64 << 20

// cache keeps verified tokens by what they are: the whole text, signature included.
// Nothing that was refused gets in, so nobody can fill it with rubbish.
//
// It has no clock and no goroutine: tokens leave it when others need the room. What a
// token in it is still worth, whoever finds it must ask, see [Verifier.recall].
type cache struct {
	kept        *otter.Cache[string, *known]
	ownClaims   bool
	claimsAsked atomic.Bool
}

// known is a token that was verified, and what that rests on.
type known struct {
	token *Token
	key   *keyset.Key
	keys  keyset.Live // whose key it is
}

// newCache returns a cache for so many bytes, nil for none. ownClaims says that tokens
// hold claims of [WithClaims], too.
func newCache(bytes int, ownClaims bool) *cache {
	if bytes == 0 {
		return nil
	}
	c := &cache{ownClaims: ownClaims}
	c.kept = otter.Must(&otter.Options[string, *known]{
		MaximumWeight: uint64(bytes), //nolint:gosec // it is positive
		Weigher:       func(raw string, k *known) uint32 { return c.weigh(len(raw), &k.token.says().claims) },
		Executor:      func(task func()) { task() }, // upkeep is for whoever calls, so nobody has to close it
	})
	return c
}

// What a token takes in memory beside its own text, in bytes, as was measured.
const (
	weightOfEntry = 768
	weightOfText  = 16   // one in a list, beside itself
	weightOfOwn   = 128  // of [WithClaims], and half of the text
	weightOfTree  = 1024 // for [Token.HasClaim], and as much as the text
)

// weigh returns about how many bytes a token of that length and with these claims takes.
func (c *cache) weigh(length int, says *claims) uint32 {
	weight := weightOfEntry + length + length/8 // memory comes in sizes
	weight += weightOfList(says.Audience) + weightOfList(says.Scope) + weightOfList(says.SCP)
	if c.ownClaims {
		weight += weightOfOwn + length/2
	}
	if c.claimsAsked.Load() {
		weight += weightOfTree + length
	}
	return uint32(weight) //nolint:gosec // a token is limited to 1 MiB
}

// weightOfList returns how many bytes a list takes. A token may have hundreds of scopes.
func weightOfList(list []string) int {
	weight := 0
	for _, text := range list {
		weight += weightOfText + len(text)
	}
	return weight
}

// noteTree notes that tokens are asked for claims that have no method: those that come
// from now on are taken to be, and weigh more.
func (c *cache) noteTree() {
	if c != nil {
		c.claimsAsked.Store(true)
	}
}

// find returns what is known of a token, nil if nothing is.
func (c *cache) find(raw string) *known {
	if c == nil {
		return nil
	}
	found, _ := c.kept.GetIfPresent(raw)
	return found
}

// keep remembers a verified token. A set that can't say later whether the key is still
// good (see [keyset.Live]) makes that impossible.
func (c *cache) keep(t *Token, key *keyset.Key, keys keyset.Live) {
	if c != nil && keys != nil {
		c.kept.Set(t.Raw(), &known{token: t, key: key, keys: keys})
	}
}

// forget removes what is known of a token.
func (c *cache) forget(raw string) { c.kept.Invalidate(raw) }

// keyIsGood reports whether a key that keys gave may still verify tokens. gone says that
// it never will again.
func keyIsGood(key *keyset.Key, keys keyset.Live, now time.Time) (good, gone bool) {
	snapshot := keys.Snapshot()
	switch {
	case snapshot == nil:
		return false, false
	case !snapshot.Holds(key):
		return false, true
	case snapshot.ValidUntil().IsZero():
		return true, false
	default:
		return now.Before(snapshot.ValidUntil()), false
	}
}

// recall returns the token if it was verified before by a key that is still good, and
// why it is to be refused all the same, if it has expired since. All else that a token
// is refused for doesn't change, except that it is revoked.
func (v *Verifier) recall(raw string) (*Token, *Error) {
	found := v.cache.find(raw)
	if found == nil {
		return nil, nil
	}
	now := v.now()
	if err := v.checkTimes(&found.token.says().claims, now); err != nil {
		return found.token, err
	}
	good, gone := keyIsGood(found.key, found.keys, now)
	if gone {
		v.cache.forget(raw)
	}
	if !good {
		return nil, nil
	}
	return found.token, nil
}
