package keyset

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Key is a key that may verify signatures of one algorithm. It is immutable
// and may be shared; the zero value verifies nothing. Formatted or logged in
// whatever way, it shows its id and algorithm and never a secret.
type Key struct {
	id         string
	alg        Algorithm
	thumbprint string
	issuer     string           // "" if the JWK names none
	public     crypto.PublicKey // nil for a secret

	// verify closes over the key material: a function is the one kind of
	// field that no formatting by reflection can look into.
	verify check
}

// NewPublicKey builds a key from public, which is an *[rsa.PublicKey], an
// *[ecdsa.PublicKey] or an [ed25519.PublicKey]; id may be empty. An empty alg
// is chosen by the key: RS256 for RSA, ES256, ES384 or ES512 by the curve,
// EdDSA for Ed25519. The key is copied.
//
// The error says what makes the key unfit: an algorithm that isn't for this
// type or curve, RSA under 2048 or over 8192 bits, an even modulus, an
// exponent that is even, under 3 or over 2^31-1, a point off its curve or of
// small order.
func NewPublicKey(id string, alg Algorithm, public crypto.PublicKey) (*Key, error) {
	key, err := newPublicKey(id, alg, public)
	if err != nil {
		return nil, fmt.Errorf("keyset: key %s: %w", quote(id), err)
	}
	return key, nil
}

// NewSecret builds a key from a shared secret; id may be empty. alg is HS256,
// HS384 or HS512, and an empty one means HS256. The secret is copied.
//
// The error says what makes the secret unfit: an algorithm that is no HMAC, or
// fewer bytes than its hash has (32, 48, 64; RFC 7518 section 3.2).
func NewSecret(id string, alg Algorithm, secret []byte) (*Key, error) {
	key, err := newSecretKey(id, alg, secret)
	if err != nil {
		return nil, fmt.Errorf("keyset: key %s: %w", quote(id), err)
	}
	return key, nil
}

// ID returns the key's id ("kid"), "" if it has none.
func (k *Key) ID() string { return k.id }

// Algorithm returns the one algorithm that the key verifies.
func (k *Key) Algorithm() Algorithm { return k.alg }

// Thumbprint returns the key's identity: the SHA-256 JWK thumbprint of RFC
// 7638 in base64url. Unlike the id, which an issuer chooses, it follows from
// the key itself. For a secret it is a hash of the secret: don't publish it
// (RFC 7638 section 7).
func (k *Key) Thumbprint() string { return k.thumbprint }

// Issuer returns the issuer whose tokens the key is for, and "" if it may be
// that of any. It is the member "issuer" of the key's JWK, which RFC 7517 does
// not have: Microsoft Entra publishes keys of several issuers in one set and
// names on each the one that signs with it, either exactly or as a template with
// a placeholder for the tenant, https://login.microsoftonline.com/{tenantid}/v2.0.
// A [Set] doesn't look at it; package token does when it verifies.
func (k *Key) Issuer() string { return k.issuer }

// Public returns the public key, an *[rsa.PublicKey], an *[ecdsa.PublicKey] or
// an [ed25519.PublicKey], which must not be modified. It is nil for a secret.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Verify returns nil if signature is this key's over signed, by the key's
// algorithm, and else an error of no particular type. For a JWT, signed is the
// two encoded segments and the dot between them (RFC 7515 section 5.2).
func (k *Key) Verify(signed string, signature []byte) error {
	if k.verify == nil {
		return errors.New("keyset: zero key")
	}
	return k.verify(signed, signature)
}

// String shows the key's id and algorithm.
func (k Key) String() string { return fmt.Sprintf("%s key %s", k.alg, quote(k.id)) }

// GoString is [Key.String].
func (k Key) GoString() string { return k.String() }

// Format prints [Key.String] under every verb, so that none reaches the
// thumbprint, which for a secret is a hash of it.
func (k Key) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, k.String()) }

// LogValue shows the key's id and algorithm.
func (k Key) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kid", k.id), slog.String("alg", string(k.alg)))
}

// MarshalText is [Key.String], for encoders that would otherwise look inside.
// The error is always nil.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// equal reports whether k and other are the same key under the same id for
// the same algorithm and issuer.
func (k *Key) equal(other *Key) bool {
	return k.id == other.id && k.alg == other.alg && k.issuer == other.issuer && k.thumbprint == other.thumbprint
}

func newPublicKey(id string, alg Algorithm, public crypto.PublicKey) (*Key, error) {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return newRSAKey(id, alg, public)
	case *ecdsa.PublicKey:
		return newECKey(id, alg, public)
	case ed25519.PublicKey:
		return newEd25519Key(id, alg, public)
	default:
		return nil, fmt.Errorf("%T is not a public key that can verify a JWT", public)
	}
}

// thumbprint hashes members, the JSON object of RFC 7638 section 3.2.
func thumbprint(members string) string {
	sum := sha256.Sum256([]byte(members))
	return encode(sum[:])
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
