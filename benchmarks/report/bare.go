package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/jwtrelay/jwtrelay/jwttest"
)

// signed is what a signature check needs of a token, taken out of it beforehand.
type signed struct {
	input     []byte // header and payload, as they were signed
	signature []byte // as the standard library takes it
}

// bare is the floor of every verification: the hash and the call of Go's standard
// library that checks a signature, and nothing else. That of HS256 has no state that
// is shared between checks, as concurrent ones can't have.
type bare struct {
	check  func(signed) bool
	tokens []signed
}

var errBare = errors.New("a good signature doesn't hold")

// newBare prepares tokens that this key has signed.
func newBare(key *jwttest.Key, tokens []string) (*bare, error) {
	b := &bare{check: checkWith(key), tokens: make([]signed, len(tokens))}
	for i, raw := range tokens {
		_, _, signature, err := jwttest.Decode(raw)
		if err != nil {
			return nil, err
		}
		if _, ok := key.Public().(*ecdsa.PublicKey); ok {
			if signature, err = asASN1(signature); err != nil {
				return nil, err
			}
		}
		b.tokens[i] = signed{[]byte(raw[:strings.LastIndexByte(raw, '.')]), signature}
	}
	return b, nil
}

// run checks so many signatures.
func (b *bare) run(ops int) error {
	for _, t := range b.tokens[:ops] {
		if !b.check(t) {
			return errBare
		}
	}
	return nil
}

// checkWith returns the check for a key.
func checkWith(key *jwttest.Key) func(signed) bool {
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		return func(s signed) bool {
			hash := sha256.Sum256(s.input)
			return rsa.VerifyPKCS1v15(public, crypto.SHA256, hash[:], s.signature) == nil
		}
	case *ecdsa.PublicKey:
		return func(s signed) bool {
			hash := sha256.Sum256(s.input)
			return ecdsa.VerifyASN1(public, hash[:], s.signature)
		}
	case ed25519.PublicKey:
		return func(s signed) bool { return ed25519.Verify(public, s.input, s.signature) }
	}
	secret := key.Secret()
	return func(s signed) bool {
		mac := hmac.New(sha256.New, secret)
		_, _ = mac.Write(s.input)
		return hmac.Equal(mac.Sum(nil), s.signature)
	}
}

// asASN1 returns a signature of RFC 7518 section 3.4 as package ecdsa takes it.
func asASN1(signature []byte) ([]byte, error) {
	if len(signature) != 64 {
		return nil, fmt.Errorf("a signature of %d bytes", len(signature))
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return asn1.Marshal(struct{ R, S *big.Int }{r, s})
}
