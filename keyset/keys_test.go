package keyset_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"sync"
	"testing"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// The private halves that tests sign with. RSA is slow to generate, so all
// share one.
var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p256   = sync.OnceValue(func() *ecdsa.PrivateKey { return newEC(elliptic.P256()) })
	p384   = sync.OnceValue(func() *ecdsa.PrivateKey { return newEC(elliptic.P384()) })
	p521   = sync.OnceValue(func() *ecdsa.PrivateKey { return newEC(elliptic.P521()) })
	edKey  = sync.OnceValue(newEd)
)

// secretText is what no output may show.
const secretText = "correct-horse-battery-staple-correct-horse-battery-staple-64byte"

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func newEC(curve elliptic.Curve) *ecdsa.PrivateKey {
	return must(ecdsa.GenerateKey(curve, rand.Reader))
}

func newEd() ed25519.PrivateKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return must(private, err)
}

// pair is what signs and what verifies by one algorithm.
type pair struct {
	alg  keyset.Algorithm
	hash crypto.Hash
	sign func(t *testing.T, signed string) []byte
	key  func(id string, alg keyset.Algorithm) (*keyset.Key, error)
}

// pairs has one for every algorithm.
func pairs() []pair {
	return []pair{
		rsaPair(keyset.RS256, crypto.SHA256, nil),
		rsaPair(keyset.RS384, crypto.SHA384, nil),
		rsaPair(keyset.RS512, crypto.SHA512, nil),
		rsaPair(keyset.PS256, crypto.SHA256, pss(crypto.SHA256, rsa.PSSSaltLengthEqualsHash)),
		rsaPair(keyset.PS384, crypto.SHA384, pss(crypto.SHA384, rsa.PSSSaltLengthEqualsHash)),
		rsaPair(keyset.PS512, crypto.SHA512, pss(crypto.SHA512, rsa.PSSSaltLengthEqualsHash)),
		ecPair(keyset.ES256, crypto.SHA256, p256),
		ecPair(keyset.ES384, crypto.SHA384, p384),
		ecPair(keyset.ES512, crypto.SHA512, p521),
		edPair(keyset.EdDSA),
		edPair(keyset.Ed25519),
		hmacPair(keyset.HS256, crypto.SHA256),
		hmacPair(keyset.HS384, crypto.SHA384),
		hmacPair(keyset.HS512, crypto.SHA512),
	}
}

func pss(hash crypto.Hash, salt int) *rsa.PSSOptions {
	return &rsa.PSSOptions{Hash: hash, SaltLength: salt}
}

// rsaPair signs by PSS if it gets its options.
func rsaPair(alg keyset.Algorithm, hash crypto.Hash, options *rsa.PSSOptions) pair {
	var how crypto.SignerOpts = hash
	if options != nil {
		how = options
	}
	return pair{
		alg: alg, hash: hash,
		sign: func(t *testing.T, signed string) []byte {
			t.Helper()
			return must(rsaKey().Sign(rand.Reader, digest(hash, signed), how))
		},
		key: func(id string, alg keyset.Algorithm) (*keyset.Key, error) {
			return keyset.NewPublicKey(id, alg, &rsaKey().PublicKey)
		},
	}
}

func ecPair(alg keyset.Algorithm, hash crypto.Hash, private func() *ecdsa.PrivateKey) pair {
	return pair{
		alg: alg, hash: hash,
		sign: func(t *testing.T, signed string) []byte {
			t.Helper()
			r, s, err := ecdsa.Sign(rand.Reader, private(), digest(hash, signed))
			if err != nil {
				t.Fatal(err)
			}
			size := (private().Curve.Params().BitSize + 7) / 8
			signature := make([]byte, 2*size)
			r.FillBytes(signature[:size])
			s.FillBytes(signature[size:])
			return signature
		},
		key: func(id string, alg keyset.Algorithm) (*keyset.Key, error) {
			return keyset.NewPublicKey(id, alg, &private().PublicKey)
		},
	}
}

func edPair(alg keyset.Algorithm) pair {
	return pair{
		alg: alg,
		sign: func(t *testing.T, signed string) []byte {
			t.Helper()
			return ed25519.Sign(edKey(), []byte(signed))
		},
		key: func(id string, alg keyset.Algorithm) (*keyset.Key, error) {
			return keyset.NewPublicKey(id, alg, edKey().Public())
		},
	}
}

func hmacPair(alg keyset.Algorithm, hash crypto.Hash) pair {
	return pair{
		alg: alg, hash: hash,
		sign: func(t *testing.T, signed string) []byte {
			t.Helper()
			mac := hmac.New(hash.New, []byte(secretText))
			mac.Write([]byte(signed))
			return mac.Sum(nil)
		},
		key: func(id string, alg keyset.Algorithm) (*keyset.Key, error) {
			return keyset.NewSecret(id, alg, []byte(secretText))
		},
	}
}

func digest(hash crypto.Hash, text string) []byte {
	h := hash.New()
	h.Write([]byte(text))
	return h.Sum(nil)
}

// jwk is a JSON Web Key, to be changed by tests.
type jwk map[string]any

// with returns w with members changed; a nil value takes one away.
func (w jwk) with(members jwk) jwk {
	changed := jwk{}
	for name, value := range w {
		changed[name] = value
	}
	for name, value := range members {
		changed[name] = value
		if value == nil {
			delete(changed, name)
		}
	}
	return changed
}

func (w jwk) named(id string) jwk { return w.with(jwk{"kid": id}) }

// jwks is the JWK Set of keys.
func jwks(keys ...jwk) []byte {
	if keys == nil {
		keys = []jwk{}
	}
	return must(json.Marshal(map[string]any{"keys": keys}))
}

func rsaJWK() jwk {
	return jwk{"kty": "RSA", "n": b64(rsaKey().N.Bytes()), "e": "AQAB"}
}

func ecJWK(private *ecdsa.PrivateKey) jwk {
	point := must(private.PublicKey.Bytes())
	size := len(point) / 2
	return jwk{"kty": "EC", "crv": private.Curve.Params().Name, "x": b64(point[1 : 1+size]), "y": b64(point[1+size:])}
}

func edJWK() jwk {
	public, _ := edKey().Public().(ed25519.PublicKey)
	return jwk{"kty": "OKP", "crv": "Ed25519", "x": b64(public)}
}

func octJWK() jwk { return jwk{"kty": "oct", "k": b64([]byte(secretText))} }

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// oddNumber has exactly so many bits.
func oddNumber(bits uint) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return n.SetBit(n, 0, 1)
}
