package keyset

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"

	"github.com/golang-jwt/jwt/v5"
)

// errSignature is a signature that is not the key's over the text.
var errSignature = errors.New("keyset: the signature does not hold")

// check is the check of a signature with one key, see [Key.Verify].
type check func(signed string, signature []byte) error

// The checks below ask the standard library without golang-jwt where that can be
// measured: it copies the text for each signature, and takes those of ECDSA
// through big integers. That was 13 of 24 allocations for ES256, 3 of 12 for
// RS256, and the only one for EdDSA.

// verifyECDSA is RFC 7518 section 3.4: the signature is two numbers of the size of
// the curve's order, with all their zeros.
func verifyECDSA(s scheme, public *ecdsa.PublicKey) check {
	size := (s.curve.Params().BitSize + 7) / 8
	return func(signed string, signature []byte) error {
		if len(signature) != 2*size {
			return errSignature
		}
		var sum digest
		var der [maxECDSA]byte
		asn1 := appendECDSA(der[:0], signature[:size], signature[size:])
		if !ecdsa.VerifyASN1(public, sum.of(s.hash, signed), asn1) {
			return errSignature
		}
		return nil
	}
}

// verifyRSA is RFC 7518 sections 3.3 and 3.5.
func verifyRSA(s scheme, public *rsa.PublicKey) check {
	if pss, ok := s.method.(*jwt.SigningMethodRSAPSS); ok {
		return verifyByMethod(strictPSS(pss), public)
	}
	return verifyPKCS1(s, public)
}

// verifyPKCS1 is RFC 7518 section 3.3.
func verifyPKCS1(s scheme, public *rsa.PublicKey) check {
	return func(signed string, signature []byte) error {
		var sum digest
		return rsa.VerifyPKCS1v15(public, s.hash, sum.of(s.hash, signed), signature)
	}
}

// verifyEd25519 is RFC 8037 section 3.1.
func verifyEd25519(public ed25519.PublicKey) check {
	return func(signed string, signature []byte) error {
		var short [shortText]byte
		if !ed25519.Verify(public, append(short[:0], signed...), signature) {
			return errSignature
		}
		return nil
	}
}

// verifyByMethod leaves it to golang-jwt. material is of the type that method
// wants.
func verifyByMethod(method jwt.SigningMethod, material any) check {
	return func(signed string, signature []byte) error { return method.Verify(signed, signature, material) }
}

// strictPSS is m with the salt length that RFC 7518 section 3.5 demands;
// golang-jwt verifies any.
func strictPSS(m *jwt.SigningMethodRSAPSS) jwt.SigningMethod {
	return &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: m.SigningMethodRSA,
		VerifyOptions:    &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	}
}

// shortText is how many bytes of signed text are copied to the stack, from a
// string to the bytes that hashes want. Most tokens have fewer.
const shortText = 2 << 10

// digest has room for the largest hash.
type digest [sha512.Size]byte

// of returns the hash of text, which is SHA-256, SHA-384 or SHA-512. It is a part
// of d.
func (d *digest) of(hash crypto.Hash, text string) []byte {
	var short [shortText]byte
	data := append(short[:0], text...)
	switch hash {
	case crypto.SHA256:
		*(*[sha256.Size]byte)(d[:]) = sha256.Sum256(data)
	case crypto.SHA384:
		*(*[sha512.Size384]byte)(d[:]) = sha512.Sum384(data)
	default:
		*(*[sha512.Size]byte)(d[:]) = sha512.Sum512(data)
	}
	return d[:hash.Size()]
}
