package token

import (
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
	kept *otter.Cache[string, *known]
}

// known is a token that was verified, and what that rests on.
type known struct {
	token *Token
	key   *keyset.Key
	keys  keyset.Live // whose key it is
}

// newCache returns a cache for so many bytes, nil for none.
func newCache(bytes int) *cache {
	if bytes == 0 {
		return nil
	}
	return &cache{otter.Must(&otter.Options[string, *known]{
		MaximumWeight: uint64(bytes), //nolint:gosec // it is positive
		Weigher:       func(_ string, k *known) uint32 { return k.token.says().weight() },
		Executor:      func(task func()) { task() }, // upkeep is for whoever calls, so nobody has to close it
	})}
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

// weighAgain is for a token that has become heavier.
func (c *cache) weighAgain(t *Token) {
	if c == nil {
		return
	}
	if entry, ok := c.kept.GetEntryQuietly(t.Raw()); ok && entry.Value.token == t {
		c.kept.Set(entry.Key, entry.Value)
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
