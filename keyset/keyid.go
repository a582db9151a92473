package keyset

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
)

// ThumbprintID returns the SHA-256 JWK thumbprint of public (RFC 7638) in
// base64url, which is [Key.Thumbprint]. It is a KeyID, for issuers that call
// their keys so. For what [NewPublicKey] refuses, it returns "".
func ThumbprintID(public crypto.PublicKey) string {
	key, err := newPublicKey("", "", public)
	if err != nil {
		return ""
	}
	return key.thumbprint
}

// SPKIHashID returns the SHA-256 of public as a DER SubjectPublicKeyInfo (RFC
// 5280 section 4.1.2.7), in base64url without padding. It is a KeyID, for
// issuers that call their keys so, among them Kubernetes for its service
// accounts. For what [NewPublicKey] refuses, it returns "".
func SPKIHashID(public crypto.PublicKey) string {
	key, err := newPublicKey("", "", public)
	if err != nil {
		return ""
	}
	der, err := x509.MarshalPKIXPublicKey(key.public)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return encode(sum[:])
}
