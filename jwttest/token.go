package jwttest

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// Lifetime is how long a token is valid that doesn't say otherwise.
const Lifetime = 15 * time.Minute

// Token returns a token that verifies, unless the options spoil it. Options
// apply in their order. Without any it has
//
//   - iss: [Issuer.URL]
//   - sub: [DefaultSubject]
//   - aud: that of [WithAudience], else [DefaultAudience]
//   - iat: now, and exp: [Lifetime] from now
//   - jti: an id that no other token has
//
// and, in its header, alg and kid of the issuer's first algorithm, and typ
// "JWT". Dates are whole seconds, rounded so that what was asked for holds.
func (i *Issuer) Token(opts ...TokenOption) string {
	i.tb.Helper()
	d := i.draft()
	for _, opt := range opts {
		opt.applyToken(d)
	}
	key := i.signer(d)
	return key.Sign(i.marshal("header", d.headerFor(key)), i.marshal("payload", d.claims))
}

// draft is a token before it is signed.
type draft struct {
	now    time.Time
	claims map[string]any
	header []func(map[string]any) // changes to the header, which depends on the key
	alg    keyset.Algorithm
	key    *Key // nil means the issuer's own for alg
	forged bool
}

// draft returns the token that no option changed.
func (i *Issuer) draft() *draft {
	d := &draft{now: i.settings.clock(), alg: i.settings.algorithms[0]}
	d.claims = map[string]any{
		"iss": i.URL(),
		"sub": DefaultSubject,
		"jti": rand.Text(),
	}
	Audience(i.settings.audience...).applyToken(d)
	IssuedAt(d.now).applyToken(d)
	ExpiresIn(Lifetime).applyToken(d)
	return d
}

// signer returns the key that d is to be signed with.
func (i *Issuer) signer(d *draft) *Key {
	i.tb.Helper()
	key := d.key
	if key == nil {
		key = i.Key(d.alg)
	}
	if d.forged {
		return i.forger(key.alg).WithID(key.id)
	}
	return key
}

// forger returns a key for alg that is never published.
func (i *Issuer) forger(alg keyset.Algorithm) *Key {
	i.tb.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	key, err := i.forgers.key(alg)
	check(i.tb, err)
	return key
}

// headerFor returns the header of a token signed with key.
func (d *draft) headerFor(key *Key) map[string]any {
	header := map[string]any{"alg": string(key.alg), "typ": "JWT"}
	if key.id != "" {
		header["kid"] = key.id
	}
	for _, change := range d.header {
		change(header)
	}
	return header
}

// marshal returns members as a JSON object. What fails to encode is not shown:
// it may be a claim that the test keeps to itself.
func (i *Issuer) marshal(part string, members map[string]any) string {
	i.tb.Helper()
	text, err := json.Marshal(members)
	if err != nil {
		i.tb.Fatalf("jwttest: the token's %s has a member that can't be JSON: %T", part, err)
	}
	return string(text)
}
