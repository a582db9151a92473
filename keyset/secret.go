package keyset

import (
	"bytes"
	"errors"
	"fmt"
)

func newSecretKey(id string, alg Algorithm, secret []byte) (*Key, error) {
	alg, s, err := schemeFor(alg, HS256, kindSecret)
	if err != nil {
		return nil, err
	}
	if len(secret) < s.minSecret {
		return nil, fmt.Errorf("secret has %d bytes, %s wants %d or more", len(secret), alg, s.minSecret)
	}
	members := `{"k":"` + encode(secret) + `","kty":"oct"}`
	return &Key{id: id, alg: alg, thumbprint: thumbprint(members), verify: verifyByMethod(s.method, bytes.Clone(secret))}, nil
}

// oct reads RFC 7518 section 6.4.
func (w *jwk) oct(rules jwkRules) (*Key, error) {
	if !rules.secrets {
		return nil, errors.New("secrets are not accepted from a URL")
	}
	secret, err := decode("k", w.Secret)
	if err != nil {
		return nil, err
	}
	return newSecretKey(w.ID, w.Algorithm, secret)
}
