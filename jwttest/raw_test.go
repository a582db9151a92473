package jwttest_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

func TestSignKeepsEveryByte(t *testing.T) {
	t.Parallel()
	key := jwttest.NewKey(t, keyset.ES384)
	verifier, err := key.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, header, payload string }{
		{"two members of one name", `{"alg":"ES384","alg":"none"}`, `{"sub":"alice","sub":"mallory"}`},
		{"broken UTF-8", "{\"alg\":\"\xff\"}", "{\"sub\":\"\xff\xfe\"}"},
		{"no JSON", "\x00", "<html>"},
		{"nothing", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			raw := key.Sign(test.header, test.payload)
			if err := check(t, verifier, raw); err != nil {
				t.Errorf("signature: %v", err)
			}
			if header, payload, _, err := jwttest.Decode(raw); header != test.header || payload != test.payload || err != nil {
				t.Errorf("got %q, %q, %v", header, payload, err)
			}
		})
	}
}

func TestDecodeReversesEncode(t *testing.T) {
	t.Parallel()
	header, payload, signature, err := jwttest.Decode(jwttest.Encode(`{"alg":"x"}`, "\xff", []byte{1, 2}))
	if header != `{"alg":"x"}` || payload != "\xff" || !bytes.Equal(signature, []byte{1, 2}) || err != nil {
		t.Errorf("got %q, %q, %v, %v", header, payload, signature, err)
	}
}

func TestDecodeRefusesWhatIsNoToken(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "e30", "e30.e30", "e30.e30.AA.AA", "e30.e30.AA==", "e30.e30.A!", "e3\n0.e30.AAA="} {
		if _, _, _, err := jwttest.Decode(raw); err == nil {
			t.Errorf("%q was decoded", raw)
		}
	}
}

func TestATamperedTokenIsWellFormedAndInvalid(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	for _, alg := range []keyset.Algorithm{keyset.ES256, keyset.ES512, keyset.EdDSA, keyset.HS512} {
		raw := issuer.Token(jwttest.SignedWith(alg))
		tampered := jwttest.Tamper(raw)
		if _, err := verify(issuer, tampered); !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
			t.Errorf("%s: golang-jwt says %v", alg, err)
		}
		if len(tampered) != len(raw) || jwttest.Tamper(tampered) == tampered {
			t.Errorf("%s: the length changed, or nothing did", alg)
		}
	}
}

func TestTamperGivesAnUnsignedTokenASignature(t *testing.T) {
	t.Parallel()
	_, _, signature, err := jwttest.Decode(jwttest.Tamper(jwttest.Encode("{}", "{}", nil)))
	if len(signature) != 1 || err != nil {
		t.Errorf("signature is %v, %v", signature, err)
	}
}
