package keyset

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Distrust drops the keys with these thumbprints (see [Key.Thumbprint]) at once
// and without asking anybody, for as long as the set lives: however often its
// source brings them back, [Remote.Key] answers [ErrUnknownKey], without waiting. It
// is for a key that was stolen, when waiting for the issuer is too slow or in vain.
// A set without another key is no longer ready.
//
// A thumbprint that no key has yet is remembered. One that can't be a
// thumbprint is an error, and nothing is dropped then. A set that is made anew
// has to be told by Distrusted of its configuration.
func (r *Remote) Distrust(thumbprints ...string) error {
	if err := r.keys.distrust(context.Background(), thumbprints); err != nil {
		return err
	}
	select {
	case r.changed <- struct{}{}: // it may be ready no longer
	default:
	}
	return nil
}

// Distrust is [Remote.Distrust] for a file of keys.
func (f *File) Distrust(thumbprints ...string) error {
	return f.keys.distrust(context.Background(), thumbprints)
}

// checkThumbprints reports a mistake that would leave a stolen key in use.
func checkThumbprints(thumbprints []string) error {
	if len(thumbprints) == 0 {
		return errors.New("keyset: Distrust without a thumbprint")
	}
	for _, thumbprint := range thumbprints {
		sum, err := decode("thumbprint", thumbprint)
		if err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("keyset: %s is not a SHA-256 JWK thumbprint in base64url", quote(thumbprint))
		}
	}
	return nil
}
