package keyset_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/keyset"
)

func TestEveryAlgorithmVerifiesItsOwnSignature(t *testing.T) {
	t.Parallel()
	for _, pair := range pairs() {
		t.Run(string(pair.alg), func(t *testing.T) {
			t.Parallel()
			key := must(pair.key("k", pair.alg))
			if key.ID() != "k" || key.Algorithm() != pair.alg || key.Thumbprint() == "" {
				t.Fatalf("got %v with thumbprint %q", key, key.Thumbprint())
			}
			if (key.Public() == nil) != pair.alg.Symmetric() {
				t.Errorf("Public() is %T", key.Public())
			}
			const signed = "header.payload"
			signature := pair.sign(t, signed)
			if err := key.Verify(signed, signature); err != nil {
				t.Errorf("good signature: %v", err)
			}
			refuse(t, key, "other text", signed+"x", signature)
			refuse(t, key, "no signature", signed, nil)
			refuse(t, key, "short signature", signed, signature[1:])
			refuse(t, key, "long signature", signed, append([]byte{0}, signature...))
			signature[len(signature)/2] ^= 1
			refuse(t, key, "flipped bit", signed, signature)
			refuse(t, key, "zero signature", signed, make([]byte, len(signature)))
		})
	}
}

func refuse(t *testing.T, key *keyset.Key, what, signed string, signature []byte) {
	t.Helper()
	if key.Verify(signed, signature) == nil {
		t.Errorf("%s: accepted", what)
	}
}

func TestNoAlgorithmVerifiesTheSignatureOfAnother(t *testing.T) {
	t.Parallel()
	for _, signer := range pairs() {
		signature := signer.sign(t, "text")
		for _, verifier := range pairs() {
			if sameSignature(signer.alg, verifier.alg) {
				continue
			}
			refuse(t, must(verifier.key("", verifier.alg)), fmt.Sprint(signer.alg, " as ", verifier.alg), "text", signature)
		}
	}
}

func sameSignature(a, b keyset.Algorithm) bool {
	return a == b || strings.HasPrefix(string(a), "Ed") && strings.HasPrefix(string(b), "Ed")
}

func TestPSSWithAnotherSaltLengthIsRefused(t *testing.T) {
	t.Parallel()
	key := must(keyset.NewPublicKey("", keyset.PS256, &rsaKey().PublicKey))
	for _, salt := range []int{0, 1, 31, 33, 64} {
		pair := rsaPair(keyset.PS256, crypto.SHA256, pss(crypto.SHA256, salt))
		if salt == 0 {
			pair = rsaPair(keyset.PS256, crypto.SHA256, pss(crypto.SHA256, rsa.PSSSaltLengthAuto)) // as long as fits
		}
		refuse(t, key, fmt.Sprintf("salt of %d bytes", salt), "text", pair.sign(t, "text"))
	}
}

func TestAlgorithmByDefault(t *testing.T) {
	t.Parallel()
	for want, public := range map[keyset.Algorithm]crypto.PublicKey{
		keyset.RS256: &rsaKey().PublicKey,
		keyset.ES256: &p256().PublicKey,
		keyset.ES384: &p384().PublicKey,
		keyset.ES512: &p521().PublicKey,
		keyset.EdDSA: edKey().Public(),
	} {
		if key := must(keyset.NewPublicKey("", "", public)); key.Algorithm() != want {
			t.Errorf("%T: got %s, want %s", public, key.Algorithm(), want)
		}
	}
	if key := must(keyset.NewSecret("", "", []byte(secretText))); key.Algorithm() != keyset.HS256 {
		t.Errorf("secret: got %s", key.Algorithm())
	}
}

func TestUnfitPublicKeyCannotBeBuilt(t *testing.T) {
	t.Parallel()
	modulus := func(n *big.Int) *rsa.PublicKey { return &rsa.PublicKey{N: n, E: 65537} }
	exponent := func(e int) *rsa.PublicKey { return &rsa.PublicKey{N: rsaKey().N, E: e} }
	huge := int64(1)<<31 + 1 // a variable, for machines whose int is smaller
	point := func(curve elliptic.Curve, x, y *big.Int) *ecdsa.PublicKey {
		return &ecdsa.PublicKey{Curve: curve, X: x, Y: y} //nolint:staticcheck // the way to a bad point
	}
	for _, test := range []struct {
		name   string
		alg    keyset.Algorithm
		public crypto.PublicKey
		want   string
	}{
		{"nothing", "", nil, "not a public key"},
		{"private key", "", rsaKey(), "not a public key"},
		{"RSA by value", "", rsaKey().PublicKey, "not a public key"},
		{"nil RSA", "", (*rsa.PublicKey)(nil), "without a modulus"},
		{"RSA without modulus", "", &rsa.PublicKey{E: 65537}, "without a modulus"},
		{"negative modulus", "", modulus(new(big.Int).Neg(rsaKey().N)), "bits"},
		{"RSA of 1024 bits", "", modulus(oddNumber(1024)), "has 1024 bits"},
		{"RSA of 2047 bits", "", modulus(oddNumber(2047)), "has 2047 bits"},
		{"RSA of 8193 bits", "", modulus(oddNumber(8193)), "has 8193 bits"},
		{"RSA of 16384 bits", "", modulus(oddNumber(16384)), "has 16384 bits"},
		{"even modulus", "", modulus(new(big.Int).Lsh(big.NewInt(1), 2047)), "even"},
		{"exponent 0", "", exponent(0), "exponent"},
		{"exponent 1", "", exponent(1), "exponent"},
		{"exponent 2", "", exponent(2), "exponent"},
		{"negative exponent", "", exponent(-3), "exponent"},
		{"even exponent", "", exponent(65536), "exponent"},
		{"huge exponent", "", exponent(int(huge)), "exponent"},
		{"RSA for ES256", keyset.ES256, &rsaKey().PublicKey, "not for this type"},
		{"RSA for HS256", keyset.HS256, &rsaKey().PublicKey, "not for this type"},
		{"RSA for none", "none", &rsaKey().PublicKey, "not supported"},
		{"RSA for rs256", "rs256", &rsaKey().PublicKey, "not supported"},
		{"RSA for encryption", "RSA-OAEP", &rsaKey().PublicKey, "not supported"},
		{"nil EC", "", (*ecdsa.PublicKey)(nil), "without a curve"},
		{"EC without curve", "", &ecdsa.PublicKey{}, "without a curve"},
		{"EC without point", "", &ecdsa.PublicKey{Curve: elliptic.P256()}, "not on its curve"},
		{"P-224", "", &newEC(elliptic.P224()).PublicKey, "on a curve other than"},
		{"curve that panics", "", &ecdsa.PublicKey{Curve: (*elliptic.CurveParams)(nil)}, "on a curve other than"},
		{"P-256 for ES384", keyset.ES384, &p256().PublicKey, "not for curve P-256"},
		{"P-521 for ES256", keyset.ES256, &p521().PublicKey, "not for curve P-521"},
		{"EC for RS256", keyset.RS256, &p256().PublicKey, "not for this type"},
		{"EC for HS256", keyset.HS256, &p256().PublicKey, "not for this type"},
		{"point off its curve", "", point(elliptic.P256(), big.NewInt(1), big.NewInt(1)), "not on its curve"},
		{"negative coordinates", "", point(elliptic.P256(), big.NewInt(-1), big.NewInt(-1)), "not on its curve"},
		{"point of another curve", "", point(elliptic.P256(), oddNumber(384), oddNumber(384)), "not on its curve"},
		{"infinity", "", point(elliptic.P256(), new(big.Int), new(big.Int)), "not on its curve"},
		{"Ed25519 of 31 bytes", "", ed25519.PublicKey(make([]byte, 31)), "has 31 bytes"},
		{"Ed25519 of 33 bytes", "", ed25519.PublicKey(make([]byte, 33)), "has 33 bytes"},
		{"Ed25519 private key", "", ed25519.PublicKey(edKey()), "has 64 bytes"},
		{"Ed25519 for ES256", keyset.ES256, edKey().Public(), "not for this type"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			key, err := keyset.NewPublicKey("kid-1", test.alg, test.public)
			wantError(t, err, test.want, "kid-1")
			if key != nil {
				t.Error("a key besides the error")
			}
		})
	}
}

func TestRSASizesAtTheBounds(t *testing.T) {
	t.Parallel()
	for _, bits := range []uint{2048, 8192} {
		if _, err := keyset.NewPublicKey("", "", &rsa.PublicKey{N: oddNumber(bits), E: 3}); err != nil {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
}

// Under a key of small order a signature that anybody can write verifies.
func TestWeakEd25519PointIsRefused(t *testing.T) {
	t.Parallel()
	for name, encoded := range map[string]string{
		"zero, order 4":              "0000000000000000000000000000000000000000000000000000000000000000",
		"order 4, other sign":        "0000000000000000000000000000000000000000000000000000000000000080",
		"identity":                   "0100000000000000000000000000000000000000000000000000000000000000",
		"identity, other sign":       "0100000000000000000000000000000000000000000000000000000000000080",
		"order 2":                    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 8":                    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"order 8, other sign":        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"order 8, second":            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"prime as y, not reduced":    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"prime+1 as y, not reduced":  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"2, which is not on a curve": "0200000000000000000000000000000000000000000000000000000000000000",
	} {
		if _, err := keyset.NewPublicKey("", "", ed25519.PublicKey(must(hex.DecodeString(encoded)))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for range 50 { // and every real key has a good one
		if _, err := keyset.NewPublicKey("", "", newEd().Public()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUnfitSecretCannotBeBuilt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		alg  keyset.Algorithm
		size int
		want string
	}{
		{"", 0, "has 0 bytes, HS256 wants 32"},
		{keyset.HS256, 31, "has 31 bytes, HS256 wants 32"},
		{keyset.HS384, 47, "has 47 bytes, HS384 wants 48"},
		{keyset.HS512, 63, "has 63 bytes, HS512 wants 64"},
		{keyset.RS256, 64, "not for this type"},
		{keyset.EdDSA, 64, "not for this type"},
		{"none", 64, "not supported"},
		{"HS1", 64, "not supported"},
	} {
		_, err := keyset.NewSecret("kid-1", test.alg, make([]byte, test.size))
		wantError(t, err, test.want, "kid-1")
	}
}

func TestKeyIsACopy(t *testing.T) {
	t.Parallel()
	pair := hmacPair(keyset.HS256, crypto.SHA256)
	secret := []byte(secretText)
	key := must(keyset.NewSecret("", "", secret))
	clear(secret)
	if err := key.Verify("text", pair.sign(t, "text")); err != nil {
		t.Errorf("secret: %v", err)
	}
	public := &rsa.PublicKey{N: new(big.Int).Set(rsaKey().N), E: rsaKey().E}
	rs := rsaPair(keyset.RS256, crypto.SHA256, nil)
	key = must(keyset.NewPublicKey("", "", public))
	public.N.SetInt64(1)
	if err := key.Verify("text", rs.sign(t, "text")); err != nil {
		t.Errorf("RSA: %v", err)
	}
}

func TestZeroKeyVerifiesNothing(t *testing.T) {
	t.Parallel()
	refuse(t, new(keyset.Key), "zero key", "text", []byte("signature"))
}

func TestKeyNeverShowsItsSecret(t *testing.T) {
	t.Parallel()
	key := must(keyset.NewSecret("kid-1", "", []byte(secretText)))
	shown := map[string]string{"String": key.String(), "GoString": key.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%t", "%e"} {
		shown[verb] = fmt.Sprintf(verb, key)
		shown[verb+" of the value"] = fmt.Sprintf(verb, *key)
		shown[verb+" of a field"] = fmt.Sprintf(verb, struct{ K *keyset.Key }{key})
		shown[verb+" of a hidden field"] = fmt.Sprintf(verb, struct{ k keyset.Key }{*key})
		shown[verb+" of a slice"] = fmt.Sprintf(verb, []*keyset.Key{key})
	}
	shown["JSON"] = string(must(json.Marshal(key)))
	shown["JSON of the value"] = string(must(json.Marshal(*key)))
	shown["JSON in a field"] = string(must(json.Marshal(struct{ K any }{key})))
	shown["%+v of a set"] = fmt.Sprintf("%+v", must(keyset.New(key)))
	var text, object strings.Builder
	slog.New(slog.NewTextHandler(&text, nil)).Info("", "key", key, "value", *key, "group", []any{key})
	slog.New(slog.NewJSONHandler(&object, nil)).Info("", "key", key, "value", *key, "group", []any{key})
	shown["slog text"], shown["slog JSON"] = text.String(), object.String()
	for how, output := range shown {
		for _, form := range secretForms() {
			if strings.Contains(output, form) {
				t.Errorf("%s shows the secret: %s", how, output)
			}
		}
	}
	if !strings.Contains(text.String(), "key.kid=kid-1 key.alg=HS256") {
		t.Errorf("slog: %s", text.String())
	}
}

// secretForms are the beginnings of secretText in what encodings a printer
// might choose.
func secretForms() []string {
	start := []byte(secretText[:8])
	return []string{
		string(start), hex.EncodeToString(start), strings.ToUpper(hex.EncodeToString(start)), b64(start[:6]),
		strings.Trim(fmt.Sprintf("%d", start), "[]"), strings.Trim(fmt.Sprintf("%o", start), "[]"), "0x63, 0x6f, 0x72",
	}
}

func TestThumbprint(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, jwk, want string }{
		{
			"RFC 7638 section 3.1",
			`{"kty": "RSA",
			  "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
			  "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}`,
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		},
		{
			"RFC 8037 appendix A.3",
			`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
		},
	} {
		set := must(keyset.Parse([]byte(`{"keys":[`+test.jwk+`]}`), keyset.ParseConfig{}))
		if got := set.Keys()[0].Thumbprint(); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestThumbprintFollowsFromTheKeyAlone(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, pair := range pairs() {
		key := must(pair.key("a", pair.alg))
		if again := must(pair.key("b", pair.alg)); again.Thumbprint() != key.Thumbprint() {
			t.Errorf("%s: it changes with the id", pair.alg)
		}
		seen[key.Thumbprint()] = string(pair.alg)
	}
	if len(seen) != 6 { // RSA, three curves, Ed25519, the secret
		t.Errorf("%d thumbprints of 6 keys: %v", len(seen), seen)
	}
}

// wantError checks that err says each of the words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}

// wantNoWord checks what text does not say.
func wantNoWord(t *testing.T, text, word string) {
	t.Helper()
	if strings.Contains(text, word) {
		t.Errorf("%q says %q", text, word)
	}
}
