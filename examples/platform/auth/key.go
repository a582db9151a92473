package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/golang-jwt/jwt/v5"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// SigningKey signs tokens with ES256. Printed in whatever way it shows its id.
type SigningKey struct {
	private *ecdsa.PrivateKey
	id      string
}

// NewSigningKey makes a key. Its id is its RFC 7638 thumbprint.
func NewSigningKey() (*SigningKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return newSigningKey(private)
}

func newSigningKey(private *ecdsa.PrivateKey) (*SigningKey, error) {
	public, err := keyset.NewPublicKey("", keyset.ES256, &private.PublicKey)
	if err != nil {
		return nil, err
	}
	return &SigningKey{private: private, id: public.Thumbprint()}, nil
}

// LoadSigningKey reads the key in the file at path: PKCS #8 in PEM, P-256.
func LoadSigningKey(path string) (*SigningKey, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own flag names the file
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM in it", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: no private key in PKCS #8", path) // the cause may quote it
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%s: not a key for ES256, which takes one on P-256", path)
	}
	return newSigningKey(private)
}

// Save writes the key to a new file at path, which only its owner can read.
func (k *SigningKey) Save(path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the caller names the file
	if err != nil {
		return err
	}
	return errors.Join(pem.Encode(file, &pem.Block{Type: "PRIVATE KEY", Bytes: der}), file.Close())
}

// ID returns the id that tokens and the published key carry as kid.
func (k *SigningKey) ID() string { return k.id }

// WithID returns the same key under another id.
func (k *SigningKey) WithID(id string) *SigningKey { return &SigningKey{private: k.private, id: id} }

// Format implements [fmt.Formatter], so that no verb reaches the private half.
func (k *SigningKey) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "key "+k.id) }

// Sign returns a token with these claims, whatever they say.
func (k *SigningKey) Sign(claims jwt.Claims) (string, error) {
	unsigned := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	unsigned.Header["kid"] = k.id
	return unsigned.SignedString(k.private)
}

// jwk is the public half as a JSON Web Key (RFC 7518 section 6.2.1).
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	Kid string `json:"kid"`
}

func (k *SigningKey) jwk() (jwk, error) {
	point, err := k.private.PublicKey.Bytes() // 4, x, y (SEC 1 section 2.3.3)
	if err != nil {
		return jwk{}, err
	}
	x, y := point[1:33], point[33:]
	return jwk{
		Kty: "EC", Crv: "P-256", Use: "sig", Alg: string(keyset.ES256), Kid: k.id,
		X: base64.RawURLEncoding.EncodeToString(x),
		Y: base64.RawURLEncoding.EncodeToString(y),
	}, nil
}
