package keyset_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
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

// FuzzPEM looks for PEM of which Parse overlooks a block, that it takes though
// it is cut off, or that gives keys which must not be or can't be chosen.
func FuzzPEM(f *testing.F) {
	for _, seed := range seedsOfPEM() {
		f.Add(seed, uint(len(seed)/2), true)
		f.Add(seed, uint(len(seed)-len(seed)/4), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, at uint, named bool) {
		if !bytes.Contains(text, []byte("-----")) || bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
			return // FuzzParse does these
		}
		config := keyset.ParseConfig{}
		if named {
			config.KeyID = keyset.SPKIHashID
		}
		set, err := keyset.Parse(text, config)
		if err != nil {
			if set != nil || len(err.Error()) > 1000 {
				t.Fatalf("a set besides %v", err)
			}
			return
		}
		checkBlocks(t, text, set)
		for _, key := range set.Keys() {
			checkKey(t, set, key)
			if got, err := set.Key(t.Context(), key.ID(), key.Algorithm()); !named && got != key {
				t.Errorf("asked for %v, got %v, %v", key, got, err)
			}
		}
		begun := text[:at%uint(len(text))]
		if part, err := keyset.Parse(begun, config); err == nil {
			checkBlocks(t, begun, part)
		}
	})
}

// checkBlocks checks that each block that begins is a key or is skipped.
func checkBlocks(t *testing.T, text []byte, set *keyset.Static) {
	t.Helper()
	begun := 0
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("-----BEGIN")) && !bytes.Equal(line, []byte("-----BEGIN EC PARAMETERS-----")) {
			begun++
		}
	}
	if made := len(set.Keys()) + len(set.Skipped()); made != begun {
		t.Errorf("%d blocks make %v and skip %v", begun, set.Keys(), set.Skipped())
	}
}

// seedsOfPEM are files good and bad.
func seedsOfPEM() [][]byte {
	root := newAuthority("root")
	chain := root.issue("signer", p256().Public()).pem() + root.certificate.pem()
	good := spki(edKey().Public()) + spki(rsaKey().Public()) + pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey))
	var all [][]byte
	for _, text := range []string{
		good, chain, good + chain, "text\n" + good + "text", "\xef\xbb\xbf" + strings.ReplaceAll(good, "\n", "\r\n"),
		pemOf("EC PARAMETERS", nil) + pemOf("EC PRIVATE KEY", nil) + good, "-----BEGIN -----\n-----END -----\n" + good,
		spki(p384().Public()) + spki(p521().Public()), strings.ReplaceAll(good, "\n", " "),
		"-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END PUBLIC KEY-----\n" + good,
	} {
		all = append(all, []byte(text), []byte(text[:len(text)-20]))
	}
	return all
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
