package keyset_test

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/keyset"
)

func TestParseReadsEveryKindOfKey(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		key  jwk
		want keyset.Algorithm
	}{
		{"RSA without alg", rsaJWK(), keyset.RS256},
		{"RSA with alg", rsaJWK().with(jwk{"alg": "PS512"}), keyset.PS512},
		{"P-256", ecJWK(p256()), keyset.ES256},
		{"P-384", ecJWK(p384()).with(jwk{"alg": "ES384"}), keyset.ES384},
		{"P-521", ecJWK(p521()), keyset.ES512},
		{"Ed25519", edJWK(), keyset.EdDSA},
		{"Ed25519 by its own name", edJWK().with(jwk{"alg": "Ed25519"}), keyset.Ed25519},
		{"secret", octJWK(), keyset.HS256},
		{"secret with alg", octJWK().with(jwk{"alg": "HS512"}), keyset.HS512},
		{"use sig", edJWK().with(jwk{"use": "sig"}), keyset.EdDSA},
		{"key_ops verify", edJWK().with(jwk{"key_ops": []string{"sign", "verify"}}), keyset.EdDSA},
		{"null members", edJWK().with(jwk{"use": json.RawMessage("null"), "key_ops": json.RawMessage("null"), "d": json.RawMessage("null")}), keyset.EdDSA},
		{"unknown members", edJWK().with(jwk{"exp": 1, "ext": true, "x-own": jwk{"a": []int{1}}}), keyset.EdDSA},
		{"bad x5c", edJWK().with(jwk{"x5c": []string{"not a certificate"}, "x5t": 7, "x5u": "://"}), keyset.EdDSA},
		{"names in another case are unknown", edJWK().with(jwk{"USE": "enc", "D": "x"}), keyset.EdDSA},
		{"zeros before the modulus", rsaJWK().with(jwk{"n": b64(append([]byte{0}, rsaKey().N.Bytes()...))}), keyset.RS256},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			set, err := keyset.Parse(jwks(test.key.named("k")), keyset.ParseConfig{})
			if err != nil {
				t.Fatal(err)
			}
			key, err := set.Key(t.Context(), "k", test.want)
			if err != nil || key.Algorithm() != test.want || len(set.Skipped()) > 0 {
				t.Errorf("got %v, %v, skipped %v", key, err, set.Skipped())
			}
		})
	}
}

func TestRSAAlgorithmOfKeysThatNameNone(t *testing.T) {
	t.Parallel()
	body := jwks(rsaJWK().named("bare"), rsaJWK().with(jwk{"kid": "own", "alg": "RS512"}), edJWK().named("ed"))
	set := must(keyset.Parse(body, keyset.ParseConfig{RSAAlgorithm: keyset.PS256}))
	for id, alg := range map[string]keyset.Algorithm{"bare": keyset.PS256, "own": keyset.RS512, "ed": keyset.EdDSA} {
		if _, err := set.Key(t.Context(), id, alg); err != nil {
			t.Errorf("%s for %s: %v", id, alg, err)
		}
	}
	for _, alg := range []keyset.Algorithm{keyset.ES256, keyset.HS256, "RS1", "none"} {
		_, err := keyset.Parse(body, keyset.ParseConfig{RSAAlgorithm: alg})
		wantError(t, err, "RSAAlgorithm")
	}
}

func TestIssuerThatAKeyNames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		issuer any
		want   string
	}{
		"none":       {nil, ""},
		"null":       {json.RawMessage("null"), ""},
		"an issuer":  {"https://id.example.com/acme", "https://id.example.com/acme"},
		"a template": {"https://id.example.com/{tenantid}", "https://id.example.com/{tenantid}"},
		"any text":   {"x", "x"},
	} {
		set, err := keyset.Parse(jwks(edJWK().with(jwk{"issuer": test.issuer})), keyset.ParseConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Keys()[0].Issuer(); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	if built := must(keyset.NewPublicKey("", "", edKey().Public())); built.Issuer() != "" {
		t.Errorf("a key of no JWK names issuer %q", built.Issuer())
	}
}

// The keys that must not be used, each tried beside good ones.
var unfit = []struct {
	name string
	key  func() jwk
	want string
}{
	{"post-quantum", func() jwk { return jwk{"kty": "AKP", "alg": "ML-DSA-65", "pub": "AAAA"} }, `key type "AKP"`},
	{"unknown type", func() jwk { return jwk{"kty": "quantum"} }, `key type "quantum"`},
	{"no type", func() jwk { return jwk{} }, `key type ""`},
	{"type in lower case", func() jwk { return rsaJWK().with(jwk{"kty": "rsa"}) }, "key type"},
	{"Ed448", func() jwk { return edJWK().with(jwk{"crv": "Ed448"}) }, `curve "Ed448"`},
	{"X25519", func() jwk { return edJWK().with(jwk{"crv": "X25519"}) }, `curve "X25519"`},
	{"secp256k1", func() jwk { return ecJWK(p256()).with(jwk{"crv": "secp256k1"}) }, `curve "secp256k1"`},
	{"RSA of 1024 bits", func() jwk { return rsaJWK().with(jwk{"n": b64(oddNumber(1024).Bytes())}) }, "1024 bits"},
	{"RSA of 16384 bits", func() jwk { return rsaJWK().with(jwk{"n": b64(oddNumber(16384).Bytes())}) }, "16384 bits"},
	{"even modulus", func() jwk { return rsaJWK().with(jwk{"n": b64(new(big.Int).Lsh(big.NewInt(1), 2047).Bytes())}) }, "even"},
	{"exponent 1", func() jwk { return rsaJWK().with(jwk{"e": "AQ"}) }, "exponent"},
	{"exponent 2", func() jwk { return rsaJWK().with(jwk{"e": "Ag"}) }, "exponent"},
	{"exponent over 2^31", func() jwk { return rsaJWK().with(jwk{"e": "_____w"}) }, "exponent"},
	{"exponent of 1 KB", func() jwk { return rsaJWK().with(jwk{"e": b64(oddNumber(8000).Bytes())}) }, "exponent"},
	{"exponent of 2^64+65537", func() jwk {
		return rsaJWK().with(jwk{"e": b64([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1})})
	}, "exponent"},
	{"no modulus", func() jwk { return rsaJWK().with(jwk{"n": nil}) }, `"n" is missing`},
	{"no exponent", func() jwk { return rsaJWK().with(jwk{"e": nil}) }, `"e" is missing`},
	{"padded base64url", func() jwk { return octJWK().with(jwk{"k": base64.URLEncoding.EncodeToString([]byte(secretText))}) }, "base64url"},
	{"newline in base64url", func() jwk { return edJWK().with(jwk{"x": "11qYAYKxCrfVS_7TyWQHOg\n7hcvPapiMlrwIaaPcHURo"}) }, "base64url"},
	{"trailing bits in base64url", func() jwk { return edJWK().with(jwk{"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp"}) }, "base64url"},
	{"standard base64", func() jwk { return edJWK().with(jwk{"x": strings.Repeat("+", 43)}) }, "base64url"},
	{"point off its curve", func() jwk { return ecJWK(p256()).with(jwk{"y": ecJWK(newEC(p256().Curve))["y"]}) }, "not on its curve"},
	{"short coordinate", func() jwk { return ecJWK(p256()).with(jwk{"x": b64(make([]byte, 31))}) }, "31 and 32 bytes"},
	{"short second coordinate", func() jwk { return ecJWK(p256()).with(jwk{"y": b64(make([]byte, 31))}) }, "32 and 31 bytes"},
	{"coordinates cut a byte early", func() jwk { return cut(p256(), 31) }, "31 and 33 bytes"},
	{"coordinates cut a byte late", func() jwk { return cut(p256(), 33) }, "33 and 31 bytes"},
	{"coordinates of another curve", func() jwk { return ecJWK(p384()).with(jwk{"crv": "P-256"}) }, "48 and 48 bytes"},
	{"no y", func() jwk { return ecJWK(p256()).with(jwk{"y": nil}) }, `"y" is missing`},
	{"Ed25519 of 31 bytes", func() jwk { return edJWK().with(jwk{"x": b64(make([]byte, 31))}) }, "31 bytes"},
	{"Ed25519 of zeros", func() jwk { return edJWK().with(jwk{"x": b64(make([]byte, 32))}) }, "small order"},
	{"alg of another type", func() jwk { return rsaJWK().with(jwk{"alg": "ES256"}) }, "not for this type"},
	{"alg of a secret on a public key", func() jwk { return rsaJWK().with(jwk{"alg": "HS256"}) }, "not for this type"},
	{"alg of another curve", func() jwk { return ecJWK(p256()).with(jwk{"alg": "ES384"}) }, "not for curve"},
	{"alg none", func() jwk { return edJWK().with(jwk{"alg": "none"}) }, `"none" is not supported`},
	{"alg for encryption", func() jwk { return rsaJWK().with(jwk{"alg": "RSA-OAEP-256"}) }, "not supported"},
	{"use enc", func() jwk { return rsaJWK().with(jwk{"use": "enc"}) }, `use "enc"`},
	{"use in upper case", func() jwk { return rsaJWK().with(jwk{"use": "SIG"}) }, `use "SIG"`},
	{"key_ops without verify", func() jwk { return rsaJWK().with(jwk{"key_ops": []string{"encrypt", "sign"}}) }, "key_ops"},
	{"empty key_ops", func() jwk { return rsaJWK().with(jwk{"key_ops": []string{}}) }, "key_ops"},
	{"private RSA", func() jwk { return rsaJWK().with(jwk{"d": "AQAB"}) }, "private"},
	{"private RSA prime", func() jwk { return rsaJWK().with(jwk{"p": "AQAB"}) }, "private"},
	{"private RSA, more primes", func() jwk { return rsaJWK().with(jwk{"oth": []jwk{}}) }, "private"},
	{"private EC", func() jwk { return ecJWK(p256()).with(jwk{"d": "AQAB"}) }, "private"},
	{"private OKP", func() jwk { return edJWK().with(jwk{"d": 7}) }, "private"},
	{"short secret", func() jwk { return octJWK().with(jwk{"k": b64(make([]byte, 31))}) }, "31 bytes"},
	{"short secret for HS512", func() jwk { return octJWK().with(jwk{"k": b64(make([]byte, 63)), "alg": "HS512"}) }, "63 bytes"},
	{"empty secret", func() jwk { return octJWK().with(jwk{"k": ""}) }, `"k" is missing`},
	{"number as a member", func() jwk { return edJWK().with(jwk{"x": 7}) }, "wrong type"},
	{"number as issuer", func() jwk { return edJWK().with(jwk{"issuer": 7}) }, "wrong type"},
	{"list as issuer", func() jwk { return edJWK().with(jwk{"issuer": []string{"https://id.example.com"}}) }, "wrong type"},
	{"number as kid", func() jwk { return edJWK().with(jwk{"kid": 7}) }, "wrong type"},
	{"long words are cut", func() jwk { return jwk{"kty": strings.Repeat("x", 1<<16)} }, `xxx..."`},
}

// cut is a good point, cut into coordinates at the wrong place.
func cut(private *ecdsa.PrivateKey, at int) jwk {
	point := must(private.PublicKey.Bytes())[1:]
	return ecJWK(private).with(jwk{"x": b64(point[:at]), "y": b64(point[at:])})
}

func TestOneUnfitKeyIsSkippedAndTheRestWork(t *testing.T) {
	t.Parallel()
	for _, test := range unfit {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bad := test.key()
			if _, ok := bad["kid"]; !ok {
				bad = bad.named("bad")
			}
			set, err := keyset.Parse(jwks(edJWK().named("first"), bad, rsaJWK().named("last")), keyset.ParseConfig{})
			if err != nil {
				t.Fatal(err)
			}
			if skipped := set.Skipped(); len(skipped) != 1 || skipped[0].Index != 1 || len(set.Keys()) != 2 {
				t.Fatalf("keys %v, skipped %v", set.Keys(), skipped)
			}
			wantError(t, set.Skipped()[0].Err, test.want)
			if text := set.Skipped()[0].String(); len(text) > 300 || !strings.Contains(text, "key 1") {
				t.Errorf("String: %q", text)
			}
			_, err = keyset.Parse(jwks(bad), keyset.ParseConfig{})
			wantError(t, err, "no usable keys", test.want)
		})
	}
}

func TestElementThatIsNoKeyIsSkipped(t *testing.T) {
	t.Parallel()
	good := string(must(json.Marshal(edJWK().named("good"))))
	for name, element := range map[string]string{
		"null":             `null`,
		"string":           `"key"`,
		"array":            `[` + good + `]`,
		"empty object":     `{}`,
		"member twice":     `{"kty":"OKP","kty":"OKP"}`,
		"nested twice":     `{"kty":"OKP","x":{"a":1,"a":2}}`,
		"invalid UTF-8":    "{\"kty\":\"OKP\",\"kid\":\"\xff\"}",
		"escaped the same": `{"kty":"OKP","\u006bty":"RSA"}`,
	} {
		set, err := keyset.Parse([]byte(`{"keys":[`+element+`,`+good+`]}`), keyset.ParseConfig{})
		if err != nil || len(set.Keys()) != 1 || len(set.Skipped()) != 1 {
			t.Errorf("%s: %v, %v", name, set, err)
		}
	}
}

func TestSkippedIsInTheOrderOfTheSet(t *testing.T) {
	t.Parallel()
	again := ecJWK(newEC(p256().Curve)).named("a")
	set := must(keyset.Parse(jwks(ecJWK(p256()).named("a"), again, jwk{"kty": "x"}, again, edJWK().named("a")), keyset.ParseConfig{}))
	var order []int
	for _, skipped := range set.Skipped() {
		order = append(order, skipped.Index)
	}
	if len(order) != 3 || order[0] != 1 || order[1] != 2 || order[2] != 3 {
		t.Errorf("skipped %v", set.Skipped())
	}
	wantError(t, set.Skipped()[0].Err, "same id and algorithm")
	key := must(set.Key(t.Context(), "a", keyset.ES256))
	if key.Thumbprint() != must(keyset.NewPublicKey("", "", &p256().PublicKey)).Thumbprint() {
		t.Error("the second key of one id is used")
	}
}

func TestBodyThatIsNoJWKSet(t *testing.T) {
	t.Parallel()
	good := string(jwks(edJWK()))
	for _, test := range []struct{ name, body, want string }{
		{"empty", "", "unexpected EOF"},
		{"blank", " \n", "unexpected EOF"},
		{"null", "null", "not an object"},
		{"array", "[]", "not an object"},
		{"string", `"keys"`, "not an object"},
		{"no keys member", "{}", `no "keys" member`},
		{"another member", `{"Keys":[]}`, `no "keys" member`},
		{"a bare key", string(must(json.Marshal(edJWK()))), `no "keys" member`},
		{"no keys", `{"keys":[]}`, "no usable keys"},
		{"null keys", `{"keys":null}`, "array"},
		{"4097 keys", `{"keys":[` + strings.Repeat("0,", 4096) + string(must(json.Marshal(edJWK()))) + `]}`, "more than 4096 keys"},
		{"keys by id", `{"keys":{"a":{}}}`, "array"},
		{"HTML", "<!DOCTYPE html><html><body>Maintenance</body></html>", "not JSON"},
		{"truncated", good[:len(good)/2], "unexpected EOF"},
		{"last byte missing", good[:len(good)-1], "unexpected EOF"},
		{"two keys members", good[:len(good)-1] + `,"keys":[]}`, `two "keys"`},
		{"two keys members, one escaped", good[:len(good)-1] + `,"k\u0065ys":[]}`, `two "keys"`},
		{"another set after it", good + good, "data after"},
		{"rubbish after it", good + "x", "data after"},
		{"comma at the end", `{"keys":[],}`, "not JSON"},
		{"nested deep", `{"keys":` + strings.Repeat("[", 1<<19), "not JSON"},
		{"nested deep beside", `{"a":` + strings.Repeat(`{"a":`, 1<<17), "not JSON"},
		{"byte order mark", "\ufeff" + good, "not JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			set, err := keyset.Parse([]byte(test.body), keyset.ParseConfig{})
			wantError(t, err, test.want)
			if set != nil {
				t.Error("a set besides the error")
			}
			if strings.Contains(err.Error(), "Maintenance") || len(err.Error()) > 300 {
				t.Errorf("the error repeats the body: %v", err)
			}
			if test.want == "unexpected EOF" && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v is not io.ErrUnexpectedEOF", err)
			}
		})
	}
}

func TestAsManyKeysAsASetMayHave(t *testing.T) {
	t.Parallel()
	body := `{"keys":[` + strings.Repeat("0,", 4095) + string(must(json.Marshal(edJWK()))) + `]}`
	set, err := keyset.Parse([]byte(body), keyset.ParseConfig{})
	if err != nil || len(set.Keys()) != 1 || len(set.Skipped()) != 4095 {
		t.Errorf("got %v", err)
	}
}

func TestMembersBesideKeysAreIgnored(t *testing.T) {
	t.Parallel()
	key := string(must(json.Marshal(edJWK())))
	for _, body := range []string{
		`{"issuer":"x","keys":[` + key + `]}`,
		`{"keys":[` + key + `],"x":{"keys":[]},"x":2}` + "\n",
		"{\"x\":\"\xff\",\"keys\":[" + key + "]}",
	} {
		if _, err := keyset.Parse([]byte(body), keyset.ParseConfig{}); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}
