package jwttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// The keys that no verifier of signatures may use, each new and for nothing
// else.

// postQuantum is of a type that a set may have beside others any day.
func postQuantum(TB) map[string]any {
	return unfit(map[string]any{"kty": "AKP", "alg": "ML-DSA-44", "use": "sig", "pub": noise(1312)})
}

// ed448 is RFC 8037 section 2, with the other curve.
func ed448(TB) map[string]any {
	return unfit(map[string]any{"kty": "OKP", "crv": "Ed448", "alg": "EdDSA", "use": "sig", "x": noise(57)})
}

// shortRSA is under the bound of RFC 7518 section 3.3.
func shortRSA(TB) map[string]any {
	modulus := random(1024 / 8)
	modulus[0] |= 0x80
	modulus[len(modulus)-1] |= 1
	return unfit(map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "n": encode(modulus), "e": "AQAB"})
}

// forEncryption could verify signatures, and says that it may not (RFC 7517
// section 4.2).
func forEncryption(tb TB) map[string]any {
	members, _ := ecJWK(tb)
	members["use"] = "enc"
	return members
}

// private is known to everybody, and so is no proof of anything.
func private(tb TB) map[string]any {
	members, key := ecJWK(tb)
	d, err := key.Bytes()
	check(tb, err)
	members["d"], members["use"], members["alg"] = encode(d), "sig", keyset.ES256
	return members
}

// secret is private by its type.
func secret(TB) map[string]any {
	return unfit(map[string]any{"kty": "oct", "alg": "HS256", "use": "sig", "k": noise(32)})
}

// ecJWK is a good key that does not say what it is for.
func ecJWK(tb TB) (map[string]any, *ecdsa.PrivateKey) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(tb, err)
	point, err := key.PublicKey.Bytes() // 0x04, x, y
	check(tb, err)
	return unfit(map[string]any{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}), key
}

// unfit gives members an id.
func unfit(members map[string]any) map[string]any {
	members["kid"] = "unfit-" + rand.Text()[:8]
	return members
}

// noise is so many random bytes, as a member of a JWK has them.
func noise(size int) string { return encode(random(size)) }

func random(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.Read(data) // never fails
	return data
}
