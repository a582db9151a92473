package keyset

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// parseKeys reads data as what it is: PEM or a JWK Set.
func parseKeys(data []byte, rules jwkRules) (*index, []Skipped, error) {
	name, parse := "JWK Set", parseJWKS
	if isPEM(data) {
		name, parse = "PEM", parsePEM
	}
	keys, skipped, err := parse(data, rules)
	if err != nil {
		return nil, skipped, fmt.Errorf("%s: %w", name, err)
	}
	return keys, skipped, nil
}

// parsePEM reads PEM block by block, so that one unfit key spoils only itself.
// The error is non-nil if no usable key remains; skipped then still says why.
func parsePEM(data []byte, rules jwkRules) (*index, []Skipped, error) {
	blocks, err := splitPEM(data)
	if err != nil {
		return nil, nil, err
	}
	for _, b := range blocks {
		if err := b.read(); err != nil {
			return nil, nil, err
		}
	}
	keys, skipped, err := arrange(parseBlocks(blocks, rules))
	if err != nil {
		return nil, skipped, err
	}
	if err := keys.checkChoice(); err != nil {
		return nil, skipped, fmt.Errorf("%w: set KeyID", err)
	}
	return keys, skipped, nil
}

// parseBlocks sorts blocks into keys, with the position of each, and the rest.
func parseBlocks(blocks []*block, rules jwkRules) (keys []*Key, at map[*Key]int, skipped []Skipped) {
	at = make(map[*Key]int)
	issuers := issuersAmong(blocks)
	for i, b := range blocks {
		if b.label == "EC PARAMETERS" {
			continue // no key; it stands before a private one, which is worth the warning
		}
		key, err := b.key(issuers[b], rules)
		if err != nil {
			skipped = append(skipped, Skipped{Index: i, Err: fmt.Errorf("%v: %w", b, err)})
			continue
		}
		at[key] = i
		keys = append(keys, key)
	}
	return keys, at, skipped
}

// key builds the key that the block holds.
func (b *block) key(isIssuer bool, rules jwkRules) (*Key, error) {
	if b.err != nil {
		return nil, b.err
	}
	if isIssuer {
		return nil, errors.New("issued another certificate here, so its key is an authority's")
	}
	var alg Algorithm
	if _, ok := b.public.(*rsa.PublicKey); ok {
		alg = rules.rsaAlgorithm
	}
	key, err := newPublicKey("", alg, b.public)
	if err != nil {
		return nil, err
	}
	if rules.keyID != nil {
		key.id = rules.keyID(key.public)
	}
	return key, nil
}

// read finds the public key in the block, or why there is none. It returns an
// error only for a block that is damaged. What holds no public key is not even
// decoded.
func (b *block) read() error {
	switch b.label {
	case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE":
	default:
		b.err = errors.New("neither a public key nor a certificate")
		if strings.HasSuffix(b.label, "PRIVATE KEY") {
			b.err = errPrivate
		}
		return nil
	}
	der, err := b.decode()
	if err != nil {
		return err
	}
	if err := b.parse(der); err != nil {
		// Not wrapped: its text may quote a certificate at length.
		b.err = fmt.Errorf("can't be read: %s", clip(err.Error()))
	}
	return nil
}

// parse reads RFC 7468 sections 5 and 13, and RFC 8017 appendix A.1.1.
func (b *block) parse(der []byte) (err error) {
	switch b.label {
	case "PUBLIC KEY":
		b.public, err = x509.ParsePKIXPublicKey(der)
	case "RSA PUBLIC KEY":
		b.public, err = x509.ParsePKCS1PublicKey(der)
	case "CERTIFICATE":
		b.certificate, err = x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		if b.public = b.certificate.PublicKey; b.public == nil {
			return errors.New("unknown public key algorithm")
		}
	}
	return err
}
