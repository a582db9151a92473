package jwttest

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"

	"github.com/golang-jwt/jwt/v5"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// Key is a key that signs. It is immutable, and shows its id and algorithm
// only, however it is printed.
//
// Those of an issuer come from [Issuer.Key]; one that nobody publishes comes
// from [NewKey] or [NewSecret].
type Key struct {
	tb      TB
	id      string
	alg     keyset.Algorithm
	method  jwt.SigningMethod
	private any // crypto.Signer or []byte
}

// NewKey makes a key for alg that no issuer publishes: a forger's, or one to
// publish later with [Issuer.Publish]. Its id is its own.
func NewKey(tb TB, alg keyset.Algorithm) *Key {
	tb.Helper()
	key, err := generate(usable(tb), alg)
	check(tb, err)
	return key
}

// NewSecret makes a key for HS256, HS384 or HS512 from the given bytes, which
// may be unfit: too short, empty, or somebody's public key ([Key.PEM]). They
// are copied.
func NewSecret(tb TB, alg keyset.Algorithm, secret []byte) *Key {
	tb.Helper()
	recipe, ok := recipeFor(alg)
	if !ok || !alg.Symmetric() {
		tb.Fatalf("jwttest: algorithm %q has no secret: want HS256, HS384 or HS512", alg)
	}
	return &Key{tb: usable(tb), id: newID(alg), alg: alg, method: recipe.method, private: append([]byte{}, secret...)}
}

// ID returns the key's id, which tokens signed with it carry as "kid", and ""
// if it has none.
func (k *Key) ID() string { return k.id }

// Algorithm returns the algorithm that the key signs with.
func (k *Key) Algorithm() keyset.Algorithm { return k.alg }

// WithID returns the same key under another id; "" means none. A forger's key
// can so take the id of a published one.
func (k *Key) WithID(id string) *Key {
	renamed := *k
	renamed.id = id
	return &renamed
}

// Sign returns a token of exactly this header and payload, which may be any
// bytes, followed by a signature that holds. Nothing is added: a header that
// should name the key names [Key.ID].
func (k *Key) Sign(header, payload string) string {
	k.tb.Helper()
	signed := encode([]byte(header)) + "." + encode([]byte(payload))
	signature, err := k.method.Sign(signed, k.private)
	check(k.tb, err)
	return signed + "." + encode(signature)
}

// Public returns the public key, an *[crypto/rsa.PublicKey], an
// *[crypto/ecdsa.PublicKey] or an [crypto/ed25519.PublicKey], and nil for a
// secret.
func (k *Key) Public() crypto.PublicKey {
	signer, ok := k.private.(crypto.Signer)
	if !ok {
		return nil
	}
	return signer.Public()
}

// Secret returns a copy of the secret, and nil for a key that has a public
// half.
func (k *Key) Secret() []byte {
	secret, _ := k.private.([]byte)
	return bytes.Clone(secret)
}

// PEM returns the public key as a PEM block "PUBLIC KEY" (RFC 7468 section
// 13), and nil for a secret.
func (k *Key) PEM() []byte {
	k.tb.Helper()
	public := k.Public()
	if public == nil {
		return nil
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	check(k.tb, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// Verifier returns the half of the key that verifies, for [keyset.New]. The
// error says why it is unfit, as a short secret is.
func (k *Key) Verifier() (*keyset.Key, error) {
	if secret, ok := k.private.([]byte); ok {
		return keyset.NewSecret(k.id, k.alg, secret)
	}
	return keyset.NewPublicKey(k.id, k.alg, k.Public())
}

// String shows the key's id and algorithm.
func (k *Key) String() string { return fmt.Sprintf("%s key %q", k.alg, k.id) }

// GoString is [Key.String].
func (k *Key) GoString() string { return k.String() }

// Format prints [Key.String] under every verb, so that none reaches the
// private half.
func (k *Key) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, k.String()) }

// LogValue shows the key's id and algorithm.
func (k *Key) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kid", k.id), slog.String("alg", string(k.alg)))
}

// MarshalText is [Key.String], for encoders that would otherwise look inside.
func (k *Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
