package keyset_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// FuzzParse looks for a JWK Set that Parse chokes on, or that gives a key
// which must not be.
func FuzzParse(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed, "")
	}
	f.Add(jwks(rsaJWK()), "PS256")
	f.Add(jwks(rsaJWK()), "HS256")
	f.Fuzz(func(t *testing.T, body []byte, rsaAlgorithm string) {
		set, err := keyset.Parse(body, keyset.ParseConfig{RSAAlgorithm: keyset.Algorithm(rsaAlgorithm)})
		if err != nil {
			if set != nil || len(err.Error()) > 1000 {
				t.Fatalf("a set besides %v", err)
			}
			return
		}
		if len(set.Keys()) == 0 {
			t.Fatal("neither a key nor an error")
		}
		for _, key := range set.Keys() {
			checkKey(t, set, key)
		}
	})
}

// seeds are sets good and bad.
func seeds() [][]byte {
	good := jwks(rsaJWK().named("a"), ecJWK(p256()), ecJWK(p384()), ecJWK(p521()), edJWK(), octJWK())
	all := [][]byte{
		good, good[:len(good)/2], append(good, '!'), jwks(), nil,
		[]byte("null"), []byte("{}"), []byte("[]"), []byte("<html>"),
		[]byte(`{"keys":null}`), []byte(`{"keys":[null,1,"",[],{}]}`), []byte(`{"keys":[],"keys":[]}`),
		[]byte(strings.Repeat(`{"keys":[`, 50)),
	}
	for _, test := range unfit {
		if body := jwks(test.key(), edJWK()); len(body) < 8<<10 {
			all = append(all, body)
		}
	}
	return all
}

// checkKey checks what holds for every key that was built.
func checkKey(t *testing.T, set *keyset.Static, key *keyset.Key) {
	t.Helper()
	if !key.Algorithm().Supported() || len(key.Thumbprint()) != 43 {
		t.Errorf("%v with thumbprint %q", key, key.Thumbprint())
	}
	if !fits(key) {
		t.Errorf("%v must not be: %+v", key, key.Public())
	}
	if err := key.Verify("text", make([]byte, 64)); err == nil {
		t.Errorf("%v verifies zeros", key)
	}
	if got, err := set.Key(t.Context(), key.ID(), key.Algorithm()); err == nil && got.Algorithm() != key.Algorithm() {
		t.Errorf("asked for %v, got %v", key, got)
	} else if err != nil && !errors.Is(err, keyset.ErrUnknownKey) {
		t.Errorf("asked for %v: %v", key, err)
	}
	if _, err := json.Marshal(key); err != nil {
		t.Error(err)
	}
}

// fits reports whether the key is of the type and size that its algorithm
// wants.
func fits(key *keyset.Key) bool {
	alg := string(key.Algorithm())
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		bits := public.N.BitLen()
		return alg[1] == 'S' && alg[0] != 'E' && alg[0] != 'H' && bits >= 2048 && bits <= 8192 &&
			public.N.Bit(0) == 1 && public.E >= 3 && public.E%2 == 1
	case *ecdsa.PublicKey:
		_, err := public.ECDH() // which checks the point
		curve := map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[alg]
		return err == nil && curve == public.Curve.Params().Name
	case ed25519.PublicKey:
		return strings.HasPrefix(alg, "Ed") && len(public) == ed25519.PublicKeySize
	default:
		return key.Public() == nil && key.Algorithm().Symmetric()
	}
}
