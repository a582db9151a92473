package keyset

import (
	"crypto"
	"crypto/elliptic"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithm is a signature algorithm by its JOSE name (RFC 7518 section 3.1,
// RFC 8037 section 3.1, RFC 9864 section 2.2).
type Algorithm string

// The algorithms that a [Key] can be for. There is no "none".
const (
	RS256   Algorithm = "RS256"   // RSASSA-PKCS1-v1_5 with SHA-256
	RS384   Algorithm = "RS384"   // RSASSA-PKCS1-v1_5 with SHA-384
	RS512   Algorithm = "RS512"   // RSASSA-PKCS1-v1_5 with SHA-512
	PS256   Algorithm = "PS256"   // RSASSA-PSS with SHA-256
	PS384   Algorithm = "PS384"   // RSASSA-PSS with SHA-384
	PS512   Algorithm = "PS512"   // RSASSA-PSS with SHA-512
	ES256   Algorithm = "ES256"   // ECDSA on P-256 with SHA-256
	ES384   Algorithm = "ES384"   // ECDSA on P-384 with SHA-384
	ES512   Algorithm = "ES512"   // ECDSA on P-521 with SHA-512
	EdDSA   Algorithm = "EdDSA"   // Ed25519, by its older, polymorphic name
	Ed25519 Algorithm = "Ed25519" // Ed25519, by its own name
	HS256   Algorithm = "HS256"   // HMAC with SHA-256
	HS384   Algorithm = "HS384"   // HMAC with SHA-384
	HS512   Algorithm = "HS512"   // HMAC with SHA-512
)

// Supported reports whether some [Key] can be for a. The names are
// case-sensitive (RFC 7515 section 4.1.1).
func (a Algorithm) Supported() bool {
	_, ok := a.scheme()
	return ok
}

// Symmetric reports whether a is an HMAC, whose key is a shared secret.
func (a Algorithm) Symmetric() bool {
	s, ok := a.scheme()
	return ok && s.kind == kindSecret
}

// kind is what a key is made of.
type kind int

const (
	kindRSA kind = iota + 1
	kindEC
	kindEd25519
	kindSecret
)

// scheme is what an algorithm asks of its key, and how it verifies.
type scheme struct {
	kind      kind
	hash      crypto.Hash       // but for kindEd25519
	curve     elliptic.Curve    // for kindEC
	minSecret int               // for kindSecret: bytes, RFC 7518 section 3.2
	method    jwt.SigningMethod // if it is to verify, see signature.go
}

// scheme returns what a needs, and false for an algorithm that isn't supported.
func (a Algorithm) scheme() (scheme, bool) {
	switch a {
	case RS256:
		return scheme{kind: kindRSA, hash: crypto.SHA256}, true
	case RS384:
		return scheme{kind: kindRSA, hash: crypto.SHA384}, true
	case RS512:
		return scheme{kind: kindRSA, hash: crypto.SHA512}, true
	case PS256:
		return scheme{kind: kindRSA, hash: crypto.SHA256, method: jwt.SigningMethodPS256}, true
	case PS384:
		return scheme{kind: kindRSA, hash: crypto.SHA384, method: jwt.SigningMethodPS384}, true
	case PS512:
		return scheme{kind: kindRSA, hash: crypto.SHA512, method: jwt.SigningMethodPS512}, true
	case ES256:
		return scheme{kind: kindEC, curve: elliptic.P256(), hash: crypto.SHA256}, true
	case ES384:
		return scheme{kind: kindEC, curve: elliptic.P384(), hash: crypto.SHA384}, true
	case ES512:
		return scheme{kind: kindEC, curve: elliptic.P521(), hash: crypto.SHA512}, true
	case EdDSA, Ed25519:
		return scheme{kind: kindEd25519}, true
	case HS256:
		return scheme{kind: kindSecret, hash: crypto.SHA256, minSecret: crypto.SHA256.Size(), method: jwt.SigningMethodHS256}, true
	case HS384:
		return scheme{kind: kindSecret, hash: crypto.SHA384, minSecret: crypto.SHA384.Size(), method: jwt.SigningMethodHS384}, true
	case HS512:
		return scheme{kind: kindSecret, hash: crypto.SHA512, minSecret: crypto.SHA512.Size(), method: jwt.SigningMethodHS512}, true
	default:
		return scheme{}, false
	}
}

// schemeFor returns alg, or byDefault if alg is empty, and its scheme, if that
// is for keys of the given kind.
func schemeFor(alg, byDefault Algorithm, kind kind) (Algorithm, scheme, error) {
	if alg == "" {
		alg = byDefault
	}
	s, ok := alg.scheme()
	if !ok {
		return "", scheme{}, fmt.Errorf("algorithm %s is not supported", quote(string(alg)))
	}
	if s.kind != kind {
		return "", scheme{}, fmt.Errorf("algorithm %s is not for this type of key", alg)
	}
	return alg, s, nil
}
