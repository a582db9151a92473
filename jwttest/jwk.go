package jwttest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
)

// jwk holds the members of a JSON Web Key (RFC 7517 section 4, RFC 7518
// section 6, RFC 8037 section 2).
type jwk struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid,omitempty"`
	Curve     string `json:"crv,omitempty"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	K         string `json:"k,omitempty"`
}

// JWK returns the public key as a JSON Web Key. For a secret it holds the
// secret, as a set in a local file does, or as an attack needs it.
func (k *Key) JWK() []byte {
	k.tb.Helper()
	w := jwk{Use: "sig", Algorithm: string(k.alg), ID: k.id}
	check(k.tb, w.describe(k))
	text, err := json.Marshal(w)
	check(k.tb, err)
	return text
}

// describe fills in what the type of the key asks for.
func (w *jwk) describe(k *Key) error {
	if k.alg.Symmetric() {
		w.Type, w.K = "oct", encode(k.Secret())
		return nil
	}
	switch public := k.Public().(type) {
	case *rsa.PublicKey:
		w.Type = "RSA"
		w.N, w.E = encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 0x04, x, y
		if err != nil {
			return err
		}
		half := 1 + len(point)/2
		w.Type, w.Curve = "EC", public.Curve.Params().Name
		w.X, w.Y = encode(point[1:half]), encode(point[half:])
	case ed25519.PublicKey:
		w.Type, w.Curve, w.X = "OKP", "Ed25519", encode(public)
	default:
		return fmt.Errorf("no JWK for %T", public)
	}
	return nil
}

// joinJWKs makes a JWK Set of keys that are JSON texts, or should be.
func joinJWKs(keys []string) []byte {
	return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`)
}
