package jwttest

import (
	"strings"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// TokenOption changes the token that [Issuer.Token] makes.
type TokenOption interface {
	applyToken(d *draft)
}

type tokenOption func(*draft)

func (o tokenOption) applyToken(d *draft) { o(d) }

// Subject sets "sub".
func Subject(sub string) TokenOption { return Claim("sub", sub) }

// IssuedBy sets "iss", to that of somebody else.
func IssuedBy(iss string) TokenOption { return Claim("iss", iss) }

// ID sets "jti".
func ID(jti string) TokenOption { return Claim("jti", jti) }

// Audience sets "aud": a string for one audience, else an array.
func Audience(audience ...string) TokenOption {
	if len(audience) == 1 {
		return Claim("aud", audience[0])
	}
	return Claim("aud", append([]string{}, audience...))
}

// Scopes sets "scope" (RFC 8693 section 4.2). Without it a token has none.
func Scopes(scopes ...string) TokenOption { return Claim("scope", strings.Join(scopes, " ")) }

// ExpiresIn sets "exp" to after from now.
func ExpiresIn(after time.Duration) TokenOption {
	return tokenOption(func(d *draft) { d.claims["exp"] = ceil(d.now.Add(after)) })
}

// Expired makes a token whose life ended some time ago, after having lasted
// for [Lifetime]: it sets "exp" and "iat".
func Expired(ago time.Duration) TokenOption {
	return tokenOption(func(d *draft) {
		end := d.now.Add(-ago)
		d.claims["exp"] = floor(end)
		d.claims["iat"] = floor(end.Add(-Lifetime))
	})
}

// NotYetValid makes a token that becomes valid in some time and then lasts for
// [Lifetime]: it sets "nbf" and "exp".
func NotYetValid(in time.Duration) TokenOption {
	return tokenOption(func(d *draft) {
		start := d.now.Add(in)
		d.claims["nbf"] = ceil(start)
		d.claims["exp"] = ceil(start.Add(Lifetime))
	})
}

// IssuedAt sets "iat".
func IssuedAt(t time.Time) TokenOption { return Claim("iat", floor(t)) }

// Claim sets any claim to any value that can be JSON. A
// [encoding/json.RawMessage] says it in JSON.
func Claim(name string, value any) TokenOption {
	return tokenOption(func(d *draft) { d.claims[name] = value })
}

// Without removes claims.
func Without(names ...string) TokenOption {
	return tokenOption(func(d *draft) {
		for _, name := range names {
			delete(d.claims, name)
		}
	})
}

// Header sets any member of the header to any value that can be JSON. Setting
// "alg" or "kid" changes what the token says, not what it is signed with.
func Header(name string, value any) TokenOption {
	return changeHeader(func(header map[string]any) { header[name] = value })
}

// WithoutHeader removes members of the header; WithoutHeader("kid") makes a
// token that doesn't name its key.
func WithoutHeader(names ...string) TokenOption {
	return changeHeader(func(header map[string]any) {
		for _, name := range names {
			delete(header, name)
		}
	})
}

func changeHeader(change func(map[string]any)) TokenOption {
	return tokenOption(func(d *draft) { d.header = append(d.header, change) })
}

// SignedWith signs with the issuer's own key for alg.
func SignedWith(alg keyset.Algorithm) TokenOption {
	return tokenOption(func(d *draft) { d.alg, d.key = alg, nil })
}

// SignedBy signs with the given key and names it: one that was withdrawn,
// another issuer's, or nobody's ([NewKey]).
func SignedBy(key *Key) TokenOption {
	return tokenOption(func(d *draft) { d.key = key })
}

// Forged makes a token that names the key it should be signed with, and is
// signed with another that nobody publishes.
func Forged() TokenOption {
	return tokenOption(func(d *draft) { d.forged = true })
}

// floor is t as a NumericDate (RFC 7519 section 2), or the one before.
func floor(t time.Time) int64 { return t.Unix() }

// ceil is t as a NumericDate, or the one after.
func ceil(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
