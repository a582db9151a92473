//go:build soak

package keyset_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// kind is what is wrong with a token, if anything.
type kind string

const (
	goodToken   kind = "nothing wrong"
	forgedToken kind = "bad signature"
	oldToken    kind = "withdrawn key"
	randomToken kind = "random kid"
)

func kinds() []kind { return []kind{goodToken, forgedToken, oldToken, randomToken} }

// verdict is what came of a token: accepted, or the reason why not.
type verdict string

const (
	accepted         verdict = "accepted"
	keyUnknown               = verdict(token.ReasonKeyUnknown)
	keysUnavailable          = verdict(token.ReasonKeysUnavailable)
	signatureInvalid         = verdict(token.ReasonSignatureInvalid)
)

func verdicts() []verdict { return []verdict{accepted, signatureInvalid, keyUnknown, keysUnavailable} }

// soakKey is a key of the issuer, and its tokens.
type soakKey struct {
	key          *jwttest.Key
	good, forged string
	published    time.Time                 // when it surely was
	leaving      atomic.Pointer[time.Time] // until when it surely was; nil means still
	left         atomic.Pointer[time.Time] // since when it surely isn't; nil likewise
}

// mayBeGone reports whether the key may have been withdrawn by then.
func (k *soakKey) mayBeGone(by time.Time) bool {
	at := k.leaving.Load()
	return at != nil && !at.After(by)
}

// deck is what tokens are drawn from.
type deck struct {
	published []*soakKey // one at least
	withdrawn []*soakKey
}

// draw returns a token for a set, and its key, nil if there is none. A quiet set
// gets few for keys that it lacks: it must do without fetches for these.
func (d *deck) draw(random *rand.Rand, quiet bool) (kind, string, *soakKey) {
	published, withdrawn := d.published[random.IntN(len(d.published))], d.withdrawn
	if quiet && len(withdrawn) > 0 {
		withdrawn = withdrawn[len(withdrawn)-1:]
	}
	switch n := random.IntN(100); {
	case n < 20 && !quiet:
		return randomToken, stranger(random), nil
	case n < 40:
		return forgedToken, published.forged, published
	case n < 60 && len(withdrawn) > 0:
		key := withdrawn[random.IntN(len(withdrawn))]
		return oldToken, key.good, key
	default:
		return goodToken, published.good, published
	}
}

// stranger returns a token whose key nobody has.
func stranger(random *rand.Rand) string {
	header := fmt.Sprintf(`{"alg":%q,"kid":"%s-%016x"}`, soakAlgorithm, soakAlgorithm, random.Uint64())
	return jwttest.Encode(header, `{}`, make([]byte, 64))
}

// verification is what came of one token.
type verification struct {
	source       *soakSource
	in           *incarnation
	kind         kind
	key          *soakKey // nil if nobody has it
	began, ended time.Time
	verdict      verdict
	knew         bool // whether the set had a key for the kid before
	waited       bool // for a fetch
}

// verify has one token verified.
func (s *soakSource) verify(ctx context.Context, kind kind, raw string, key *soakKey) verification {
	v := verification{source: s, in: s.current.Load(), kind: kind, key: key}
	v.knew = v.in.knows(key)
	var waited atomic.Bool
	patient := context.WithValue(context.WithoutCancel(ctx), waitedKey{}, &waited)
	v.began = time.Now()
	_, err := v.in.verifier.Verify(patient, raw)
	v.ended = time.Now()
	v.waited = waited.Load()
	v.verdict = accepted
	if err != nil {
		v.verdict = verdict(token.ReasonOf(err))
	}
	return v
}

// knows reports whether the set has a key with the id of key now.
func (i *incarnation) knows(key *soakKey) bool {
	snapshot := i.set.Snapshot()
	if key == nil || snapshot == nil {
		return false
	}
	return slices.ContainsFunc(snapshot.Keys(), func(k *keyset.Key) bool { return k.ID() == key.key.ID() })
}

// waitedKey is where a context has what notes that somebody waited for a fetch.
type waitedKey struct{}

// attentiveSet is a set that notes who waits when it is asked for a key. (For other
// tokens to be verified first, a verifier may wait itself.)
type attentiveSet struct{ keyset.Live }

func (a attentiveSet) Key(ctx context.Context, id string, alg keyset.Algorithm) (*keyset.Key, error) { //nolint:contextcheck // it is ctx, which tells
	if waited, ok := ctx.Value(waitedKey{}).(*atomic.Bool); ok {
		ctx = &attentive{Context: ctx, asked: waited}
	}
	return a.Live.Key(ctx, id, alg)
}

// attentive is a context that notices who waits: nobody asks it when it ends
// but to wait for something.
type attentive struct {
	context.Context //nolint:containedctx // it is one
	asked           *atomic.Bool
}

func (c *attentive) Done() <-chan struct{} {
	c.asked.Store(true)
	return c.Context.Done()
}

// refused reports whether a set had to refuse this.
func (v *verification) refused() bool { return v.verdict == keyUnknown || v.verdict == keysUnavailable }
