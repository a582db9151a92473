package jwttest_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

func TestKeysHaveIDsOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		id := jwttest.NewKey(t, keyset.EdDSA).ID()
		if seen[id] || !strings.HasPrefix(id, "EdDSA-") {
			t.Errorf("id %q was seen before or doesn't name its algorithm", id)
		}
		seen[id] = true
	}
}

func TestAKeyHasAPublicHalfOrIsASecret(t *testing.T) {
	t.Parallel()
	for _, alg := range jwttest.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			key := jwttest.NewKey(t, alg)
			if key.Algorithm() != alg {
				t.Errorf("algorithm is %s", key.Algorithm())
			}
			if public := key.Public() != nil; public == alg.Symmetric() {
				t.Errorf("has a public half: %t", public)
			}
			if secret := key.Secret() != nil; secret != alg.Symmetric() {
				t.Errorf("has a secret: %t", secret)
			}
			if text := key.PEM() != nil; text == alg.Symmetric() {
				t.Errorf("has a PEM: %t", text)
			}
		})
	}
}

func TestPEMHoldsThePublicKey(t *testing.T) {
	t.Parallel()
	key := jwttest.NewKey(t, keyset.ES256)
	block, rest := pem.Decode(key.PEM())
	if block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 {
		t.Fatalf("not one PUBLIC KEY block")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil || !reflect.DeepEqual(public, key.Public()) {
		t.Errorf("another key came back, or none: %v", err)
	}
}

func TestAJWKReadsBackAsTheKey(t *testing.T) {
	t.Parallel()
	for _, alg := range jwttest.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			key := jwttest.NewKey(t, alg)
			set, err := keyset.Parse([]byte(`{"keys":[`+string(key.JWK())+`]}`), keyset.ParseConfig{})
			if err != nil {
				t.Fatal(err)
			}
			verifier, err := key.Verifier()
			if err != nil {
				t.Fatal(err)
			}
			got, err := set.Key(t.Context(), key.ID(), alg)
			if err != nil || got.Thumbprint() != verifier.Thumbprint() {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestAJWKWithoutAnIDHasNoKid(t *testing.T) {
	t.Parallel()
	if text := jwttest.NewKey(t, keyset.ES256).WithID("").JWK(); bytes.Contains(text, []byte("kid")) {
		t.Errorf("JWK is %s", text)
	}
}

func TestASecretMayBeUnfit(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "short"} {
		key := jwttest.NewSecret(t, keyset.HS256, []byte(secret))
		if _, err := key.Verifier(); err == nil {
			t.Errorf("a secret of %d bytes is fit", len(secret))
		}
		if raw := key.Sign("{}", "{}"); strings.HasSuffix(raw, ".") {
			t.Errorf("a secret of %d bytes did not sign", len(secret))
		}
	}
}

func TestASecretIsCopied(t *testing.T) {
	t.Parallel()
	given := []byte("0123456789abcdef0123456789abcdef")
	key := jwttest.NewSecret(t, keyset.HS256, given)
	before := key.Sign("{}", "{}")
	given[0]++
	key.Secret()[0]++
	if key.Sign("{}", "{}") != before {
		t.Error("the key follows its copies")
	}
}

func TestAKeyPrintsItsNameOnly(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	key := jwttest.NewSecret(t, keyset.HS256, []byte(secret)).WithID("k1")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key)
	text, err := json.Marshal(map[string]any{"key": key})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{"log": log.String(), "JSON": string(text), "String": key.String(), "GoString": key.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown[verb] = fmt.Sprintf(verb, key)
	}
	for how, text := range shown {
		if !strings.Contains(text, "k1") || strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
			t.Errorf("%s shows %s", how, text)
		}
	}
}
