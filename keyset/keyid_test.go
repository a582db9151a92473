package keyset_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// The key of RFC 8037 appendix A.2, whose thumbprint is in A.3; the other hash
// is by `openssl pkey -pubin -outform der | openssl dgst -sha256`.
func TestIDsOfAKnownKey(t *testing.T) {
	t.Parallel()
	public := ed25519.PublicKey(must(hex.DecodeString("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")))
	if got := keyset.ThumbprintID(public); got != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Error("ThumbprintID:", got)
	}
	if got := keyset.SPKIHashID(public); got != "BuP9j9opu2CrWVV95h7bCuzbIxE0vjDnW0Vfjht5L6k" {
		t.Error("SPKIHashID:", got)
	}
}

func TestUnfitKeysHaveNoID(t *testing.T) {
	t.Parallel()
	for _, public := range []crypto.PublicKey{
		nil, "a string", (*rsa.PublicKey)(nil), &rsa.PublicKey{}, (*ecdsa.PublicKey)(nil), &ecdsa.PublicKey{},
		newEC(elliptic.P224()).Public(), ed25519.PublicKey(nil), *rsaKey(),
	} {
		if got := keyset.ThumbprintID(public) + keyset.SPKIHashID(public); got != "" {
			t.Errorf("%T: %q", public, got)
		}
	}
}

func TestKeyIDNamesTheKeysOfPEM(t *testing.T) {
	t.Parallel()
	text := pemOf("FIRST", nil) + spki(rsaKey().Public()) + newAuthority("CA").issue("signer", p256().Public()).pem() +
		spki(&rsa.PublicKey{N: oddNumber(1024), E: 65537}) + spki(edKey().Public())
	var asked []string
	byType := func(public crypto.PublicKey) string {
		asked = append(asked, fmt.Sprintf("%T", public))
		return strings.TrimPrefix(asked[len(asked)-1], "*")
	}
	set := must(keyset.Parse([]byte(text), keyset.ParseConfig{KeyID: byType}))
	want := `[RS256 key "rsa.PublicKey" ES256 key "ecdsa.PublicKey" EdDSA key "ed25519.PublicKey"]`
	if got := fmt.Sprint(set.Keys()); got != want {
		t.Error(got)
	}
	if got := fmt.Sprint(asked); got != "[*rsa.PublicKey *ecdsa.PublicKey ed25519.PublicKey]" {
		t.Errorf("asked for %s", got)
	}
	if _, err := set.Key(t.Context(), "ecdsa.PublicKey", keyset.ES256); err != nil {
		t.Error(err)
	}
}

func TestKeyIDLeavesJWKsAlone(t *testing.T) {
	t.Parallel()
	set := must(keyset.Parse(jwks(edJWK().named("own"), ecJWK(p256())), keyset.ParseConfig{KeyID: keyset.ThumbprintID}))
	if got := fmt.Sprint(set.Keys()); got != `[EdDSA key "own" ES256 key ""]` {
		t.Error(got)
	}
}

// Two keys that no token could choose between are an error, lest the second
// one of a rotation lock everybody out.
func TestPEMOfSeveralKeysWithoutAnID(t *testing.T) {
	t.Parallel()
	first, second := newEC(elliptic.P256()).Public(), newEC(elliptic.P256()).Public()
	both := spki(first) + spki(edKey().Public()) + spki(second)
	names := func(given ...string) func(crypto.PublicKey) string {
		return func(crypto.PublicKey) string {
			name := given[0]
			given = given[1:]
			return name
		}
	}
	for _, test := range []struct {
		name, pem string
		keyID     func(crypto.PublicKey) string
		err       string
		keys      int
	}{
		{"nil", both, nil, "keyset: PEM: 2 keys for ES256 have no id to choose by: set KeyID", 0},
		{"none is named", both, names("", "", ""), "set KeyID", 0},
		{"all are named", both, keyset.SPKIHashID, "", 3},
		{"all but one of each algorithm are named", both, names("a", "", ""), "", 3},
		{"two have one name", both, names("a", "b", "a"), "", 2},
		{"one per algorithm", spki(p384().Public()) + both[:strings.LastIndex(both, "-----BEGIN")], nil, "", 3},
		{"one key twice", spki(first) + newAuthority("CA").issue("signer", first).pem(), nil, "", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			set, err := keyset.Parse([]byte(test.pem), keyset.ParseConfig{KeyID: test.keyID})
			if test.err != "" {
				wantError(t, err, test.err)
				return
			}
			if err != nil || len(set.Keys()) != test.keys {
				t.Errorf("%v, %v", set, err)
			}
		})
	}
}
