package main

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
)

// sealKeySize is the size of the worker's key in bytes, for AES-256.
const sealKeySize = 32

// sealer seals the tokens of jobs with the worker's key, and opens them. A
// queue is a database of credentials otherwise, and so is each of its backups.
//
// The nonces are random, which AES-GCM bears for 2^32 tokens: take a new key
// before that. Keep the old one, to open only, until the last token that it
// sealed has ended.
type sealer struct{ aead cipher.AEAD }

// newSealer returns a sealer with a key of 32 random bytes.
func newSealer(key []byte) (*sealer, error) {
	if len(key) != sealKeySize {
		return nil, fmt.Errorf("the key has %d bytes, want %d random ones", len(key), sealKeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead}, nil
}

// seal returns the job with its user's token in it. In a job with another id,
// owner or task the token doesn't open: who can write to the queue can't have
// things done in a user's name.
func (s *sealer) seal(job Job, raw string) Job {
	job.Sealed = s.aead.Seal(nil, nil, []byte(raw), job.label()) //nolint:gosec // no nonce is given: the cipher draws its own
	return job
}

// errSeal says nothing more: there is nothing that would not help a forger.
var errSeal = errors.New("the job's token does not open: another key, or the job was changed")

// open returns the token of a job. It has yet to be verified: it was valid when
// the job was queued.
func (s *sealer) open(job Job) (raw string, err error) {
	opened, err := s.aead.Open(nil, nil, job.Sealed, job.label())
	if err != nil {
		return "", errSeal
	}
	return string(opened), nil
}
