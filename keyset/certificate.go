package keyset

import (
	"bytes"
	"crypto/x509"
)

// issuersAmong returns the blocks whose certificate issued that of another. A
// certificate that names itself, as each self-signed one does, tells nothing:
// two that follow each other may well have one name.
func issuersAmong(blocks []*block) map[*block]bool {
	issuers := make(map[*block]bool)
	for _, of := range blocks {
		if of.certificate == nil || namesIssuer(of.certificate, of.certificate) {
			continue
		}
		for _, b := range blocks {
			if b.certificate != nil && namesIssuer(of.certificate, b.certificate) {
				issuers[b] = true
			}
		}
	}
	return issuers
}

// namesIssuer reports whether certificate names issuer as its own: by the name and,
// if both have it, by the identifier of the key (RFC 5280 sections 4.1.2.4 and
// 4.2.1.1). The signature would prove it, but to check one for each pair is
// work that a set of small certificates should not be able to ask for.
func namesIssuer(certificate, issuer *x509.Certificate) bool {
	if !bytes.Equal(certificate.RawIssuer, issuer.RawSubject) {
		return false
	}
	named, own := certificate.AuthorityKeyId, issuer.SubjectKeyId
	return len(named) == 0 || len(own) == 0 || bytes.Equal(named, own)
}
