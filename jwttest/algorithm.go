package jwttest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// rsaBits is the smallest size that a verifier should accept, and the fastest
// to generate.
const rsaBits = 2048

// Algorithms returns every algorithm that an [Issuer] can sign with, for tests
// that go through them all.
func Algorithms() []keyset.Algorithm {
	return []keyset.Algorithm{
		keyset.RS256, keyset.RS384, keyset.RS512,
		keyset.PS256, keyset.PS384, keyset.PS512,
		keyset.ES256, keyset.ES384, keyset.ES512,
		keyset.EdDSA, keyset.Ed25519,
		keyset.HS256, keyset.HS384, keyset.HS512,
	}
}

// recipe is how to make a key for an algorithm, and how to sign with it.
type recipe struct {
	method   jwt.SigningMethod
	generate func() (any, error)
}

// recipeFor returns the recipe of alg, and false for an algorithm that isn't
// among [Algorithms].
func recipeFor(alg keyset.Algorithm) (recipe, bool) {
	switch alg {
	case keyset.RS256:
		return recipe{jwt.SigningMethodRS256, generateRSA}, true
	case keyset.RS384:
		return recipe{jwt.SigningMethodRS384, generateRSA}, true
	case keyset.RS512:
		return recipe{jwt.SigningMethodRS512, generateRSA}, true
	case keyset.PS256:
		return recipe{jwt.SigningMethodPS256, generateRSA}, true
	case keyset.PS384:
		return recipe{jwt.SigningMethodPS384, generateRSA}, true
	case keyset.PS512:
		return recipe{jwt.SigningMethodPS512, generateRSA}, true
	case keyset.ES256:
		return recipe{jwt.SigningMethodES256, generateEC(elliptic.P256())}, true
	case keyset.ES384:
		return recipe{jwt.SigningMethodES384, generateEC(elliptic.P384())}, true
	case keyset.ES512:
		return recipe{jwt.SigningMethodES512, generateEC(elliptic.P521())}, true
	case keyset.EdDSA, keyset.Ed25519:
		return recipe{jwt.SigningMethodEdDSA, generateEd25519}, true
	case keyset.HS256:
		return recipe{jwt.SigningMethodHS256, generateSecret(32)}, true
	case keyset.HS384:
		return recipe{jwt.SigningMethodHS384, generateSecret(48)}, true
	case keyset.HS512:
		return recipe{jwt.SigningMethodHS512, generateSecret(64)}, true
	default:
		return recipe{}, false
	}
}

func generateRSA() (any, error) { return rsa.GenerateKey(rand.Reader, rsaBits) }

func generateEC(curve elliptic.Curve) func() (any, error) {
	return func() (any, error) { return ecdsa.GenerateKey(curve, rand.Reader) }
}

func generateEd25519() (any, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return private, err
}

func generateSecret(size int) func() (any, error) {
	return func() (any, error) {
		secret := make([]byte, size)
		_, err := rand.Read(secret)
		return secret, err
	}
}

// generate makes a key for alg with an id of its own.
func generate(tb TB, alg keyset.Algorithm) (*Key, error) {
	recipe, ok := recipeFor(alg)
	if !ok {
		return nil, fmt.Errorf("algorithm %q is not supported", alg)
	}
	private, err := recipe.generate()
	if err != nil {
		return nil, fmt.Errorf("generate a key for %s: %w", alg, err)
	}
	return &Key{tb: tb, id: newID(alg), alg: alg, method: recipe.method, private: private}, nil
}

// newID returns an id that no other key has, of this issuer or another, and
// that says what the key is for.
func newID(alg keyset.Algorithm) string { return string(alg) + "-" + rand.Text()[:8] }
