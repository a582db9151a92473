package token

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// bearer is what stands before a token in an authorization header.
const bearer = "Bearer "

// Token is a verified token. It comes from [Verifier.Verify] only, is
// immutable, and may be used by any number of goroutines. String, GoString,
// every other fmt verb, slog and JSON show "token" and its fingerprint; of a
// copy (*t), which has no use, they show nothing of the token either.
type Token struct {
	hidden func() *contents // where no formatting looks, and that of pointers does
}

// contents is what a token says, and itself.
type contents struct {
	token         Token  // that shows the rest
	authorization string // the only copy of the token
	keyID         string
	algorithm     keyset.Algorithm
	claims        claims
	validUntil    time.Time
	application   any
	cache         *cache // that may keep the token; may be nil

	fingerprintOnce sync.Once
	fingerprint     string // what Fingerprint returns

	signedOnce sync.Once
	signedHash [sha256.Size]byte // what SigningInputHash returns

	treeOnce   sync.Once
	tree       *claimTree   // what claimTree returns
	treeWeight atomic.Int64 // 0 until there is a tree
}

func newToken(c *contents) *Token {
	c.token.hidden = func() *contents { return c }
	return &c.token
}

// says returns what the token says. A nil and a zero Token say nothing.
func (t *Token) says() *contents {
	if t == nil || t.hidden == nil {
		return nothing()
	}
	return t.hidden()
}

// nothing returns contents that say nothing. It is not inlined, for whoever asks a token
// would otherwise have room for them on its stack, which then has to grow.
//
//go:noinline
func nothing() *contents { return new(contents) }

// raw returns the token itself.
func (c *contents) raw() string { return strings.TrimPrefix(c.authorization, bearer) }

// signed returns what the signature is over: header and payload, encoded.
func (c *contents) signed() string {
	raw := c.raw()
	return raw[:max(0, strings.LastIndexByte(raw, '.'))]
}

// Raw returns the token itself, as it was sent. It is a credential: whoever has
// it is the user. Don't log it or store it in the clear.
func (t *Token) Raw() string { return t.says().raw() }

// Authorization returns "Bearer " and the token: the value of the header that
// carries it. It is as secret as [Token.Raw] and costs nothing.
func (t *Token) Authorization() string { return t.says().authorization }

// Fingerprint returns the first 8 hex digits of the token's SHA-256: enough to
// tell tokens apart in a log, useless as a credential. It is computed when first
// asked for.
func (t *Token) Fingerprint() string {
	says := t.says()
	if says.authorization == "" {
		return ""
	}
	says.fingerprintOnce.Do(func() { says.fingerprint = Fingerprint(says.raw()) })
	return says.fingerprint
}

// Principal returns who the token is about.
func (t *Token) Principal() Principal {
	return Principal{Issuer: t.Issuer(), Subject: t.Subject()}
}

// Issuer returns the "iss" claim; it is one of the verifier's issuers.
func (t *Token) Issuer() string { return t.says().claims.Issuer }

// Subject returns the "sub" claim. It is empty only under [AllowNoSubject].
func (t *Token) Subject() string { return t.says().claims.Subject }

// Audience returns the "aud" claim, empty only for an issuer with
// AnyAudience.
func (t *Token) Audience() []string { return slices.Clone(t.says().claims.Audience) }

// HasAudience reports whether the token is meant for audience.
func (t *Token) HasAudience(audience string) bool {
	return slices.Contains(t.says().claims.Audience, audience)
}

// ID returns the "jti" claim, "" if there is none.
func (t *Token) ID() string { return t.says().claims.ID }

// Session returns the "sid" claim: the session at the issuer that the token
// belongs to (OpenID Connect Front-Channel Logout 1.0 section 3), "" if there is
// none.
func (t *Token) Session() string { return t.says().claims.Session }

// SigningInputHash returns the SHA-256 of the token's JWS Signing Input (RFC 7515
// section 2): its header and payload as they were sent, without the signature. Who
// holds a token can change its signature, with ECDSA, but not this. It is computed
// when first asked for.
func (t *Token) SigningInputHash() [sha256.Size]byte {
	says := t.says()
	says.signedOnce.Do(func() { says.signedHash = sha256.Sum256([]byte(says.signed())) })
	return says.signedHash
}

// Expires returns the "exp" claim. The token is accepted a little longer,
// see [Token.ValidUntil].
func (t *Token) Expires() time.Time { return t.says().claims.Expires }

// IssuedAt returns the "iat" claim, the zero time if there is none.
func (t *Token) IssuedAt() time.Time { return t.says().claims.IssuedAt }

// NotBefore returns the "nbf" claim, the zero time if there is none.
func (t *Token) NotBefore() time.Time { return t.says().claims.NotBefore }

// ValidUntil returns the moment from which the token is refused: its expiry and
// the verifier's leeway.
func (t *Token) ValidUntil() time.Time { return t.says().validUntil }

// Scopes returns the scopes that were granted: the words of the "scope" claim
// (RFC 8693 section 4.2), or of "scp" if there is no "scope".
func (t *Token) Scopes() []string { return slices.Clone(t.says().claims.scopes()) }

// HasScope reports whether scope was granted. Scopes are case-sensitive.
func (t *Token) HasScope(scope string) bool { return slices.Contains(t.says().claims.scopes(), scope) }

// KeyID returns the id of the key that signed the token, as the token's header
// names it; it may be empty.
func (t *Token) KeyID() string { return t.says().keyID }

// Algorithm returns the algorithm that the token is signed with.
func (t *Token) Algorithm() keyset.Algorithm { return t.says().algorithm }

// String returns "token" and the fingerprint.
func (t *Token) String() string { return "token " + t.Fingerprint() }

// GoString is [Token.String].
func (t *Token) GoString() string { return t.String() }

// Format prints [Token.String] under every verb, so that none reaches the
// token itself.
func (t *Token) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, t.String()) }

// LogValue shows the fingerprint.
func (t *Token) LogValue() slog.Value {
	return slog.GroupValue(slog.String("fingerprint", t.Fingerprint()))
}

// MarshalJSON gives [Token.String] as a JSON string.
func (t *Token) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// Fingerprint returns the first 8 hex digits of the SHA-256 of a token in
// compact form, verified or not: [Token.Fingerprint] of one that is.
func Fingerprint(raw string) string {
	sum := sha256.Sum256([]byte(raw))
	return hex.EncodeToString(sum[:4])
}
