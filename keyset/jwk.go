package keyset

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// jwk holds the members of a JSON Web Key that matter here (RFC 7517 section
// 4, RFC 7518 section 6, RFC 8037 section 2). Certificates (x5c, x5t, x5u) are
// not among them: a good key is not refused for a bad certificate.
type jwk struct {
	Type       string    `json:"kty"`
	Use        string    `json:"use"`
	Operations *[]string `json:"key_ops"`
	Algorithm  Algorithm `json:"alg"`
	ID         string    `json:"kid"`
	Curve      string    `json:"crv"`
	N          string    `json:"n"`
	E          string    `json:"e"`
	X          string    `json:"x"`
	Y          string    `json:"y"`
	Secret     string    `json:"k"`
	Issuer     string    `json:"issuer"` // Microsoft Entra's; see Key.Issuer

	// The private members; a key that has one is not fit to be handed around.
	D    jsontext.Value `json:"d"`
	P    jsontext.Value `json:"p"`
	Q    jsontext.Value `json:"q"`
	DP   jsontext.Value `json:"dp"`
	DQ   jsontext.Value `json:"dq"`
	QI   jsontext.Value `json:"qi"`
	Oth  jsontext.Value `json:"oth"`
	Priv jsontext.Value `json:"priv"`
}

// jwkRules says what kind of key a source may bring.
type jwkRules struct {
	rsaAlgorithm Algorithm // of RSA keys that name none; empty means RS256
	secrets      bool      // whether kty "oct" is accepted

	keyID func(crypto.PublicKey) string // of keys in PEM; nil means that they have none
}

// errPrivate is a key that is not fit to be handed around.
var errPrivate = errors.New("holds a private key: publish the public half only")

// check reports rules that would silently cost every RSA key.
func (r jwkRules) check() error {
	if _, _, err := schemeFor(r.rsaAlgorithm, RS256, kindRSA); err != nil {
		return fmt.Errorf("RSAAlgorithm: %w", err)
	}
	return nil
}

// parseJWK builds the key that element describes. id is the key's id as far
// as it could be read, with an error too.
func parseJWK(element jsontext.Value, rules jwkRules) (key *Key, id string, err error) {
	if element.Kind() != jsontext.KindBeginObject {
		return nil, "", errors.New("not a JSON object")
	}
	var w jwk
	if err := json.Unmarshal(element, &w); err != nil {
		// Not wrapped: its text may quote the key, private members included.
		return nil, w.ID, errors.New("a member is given twice, is no UTF-8 or has the wrong type")
	}
	if err := w.forSignatures(); err != nil {
		return nil, w.ID, err
	}
	if key, err = w.key(rules); err != nil {
		return nil, w.ID, err
	}
	key.issuer = w.Issuer
	return key, w.ID, nil
}

// key builds the key by its type (RFC 7518 section 6.1).
func (w *jwk) key(rules jwkRules) (*Key, error) {
	switch w.Type {
	case "RSA":
		return w.rsa(rules)
	case "EC":
		return w.ec()
	case "OKP":
		return w.okp()
	case "oct":
		return w.oct(rules)
	default:
		return nil, fmt.Errorf("key type %s is not supported", quote(w.Type))
	}
}

// forSignatures reports why the key may not verify signatures, whatever its
// type (RFC 7517 sections 4.2 and 4.3).
func (w *jwk) forSignatures() error {
	if w.Use != "" && w.Use != "sig" {
		return fmt.Errorf("use %s is not for signatures", quote(w.Use))
	}
	if w.Operations != nil && !slices.Contains(*w.Operations, "verify") {
		return errors.New("key_ops does not include verify")
	}
	for _, member := range []jsontext.Value{w.D, w.P, w.Q, w.DP, w.DQ, w.QI, w.Oth, w.Priv} {
		if member != nil && member.Kind() != jsontext.KindNull {
			return errPrivate
		}
	}
	return nil
}

// decode reads a base64url member without padding (RFC 7515 section 2).
func decode(name, value string) ([]byte, error) {
	if value == "" {
		return nil, fmt.Errorf("member %q is missing", name)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || strings.ContainsAny(value, "\r\n") { // which the decoder skips
		return nil, fmt.Errorf("member %q is not base64url", name)
	}
	return data, nil
}
