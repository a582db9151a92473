package keyset_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// authority issues certificates.
type authority struct {
	name        string
	private     *ecdsa.PrivateKey
	certificate *certificate // by itself
}

type certificate struct{ *x509.Certificate }

func (c *certificate) pem() string { return pemOf("CERTIFICATE", c.Raw) }

func newAuthority(name string) *authority {
	a := &authority{name: name, private: newEC(elliptic.P384())}
	a.certificate = a.issue(name, a.private.Public(), authorized)
	return a
}

// below returns another authority, with a certificate by a.
func (a *authority) below(name string) *authority {
	b := &authority{name: name, private: newEC(elliptic.P521())}
	b.certificate = a.issue(name, b.private.Public(), authorized)
	return b
}

func authorized(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }

// without leaves the identifiers of keys out, as old tools do.
func without(c *x509.Certificate) { c.SubjectKeyId, c.AuthorityKeyId = nil, nil }

// issue returns a certificate that was valid for a second, long ago.
func (a *authority) issue(name string, public crypto.PublicKey, changes ...func(*x509.Certificate)) *certificate {
	own := keyset.SPKIHashID(a.private.Public())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0),
		SubjectKeyId: []byte(keyset.SPKIHashID(public)), AuthorityKeyId: []byte(own),
	}
	for _, change := range changes {
		change(template)
	}
	parent := &x509.Certificate{Subject: pkix.Name{CommonName: a.name}} // whose identifier would replace the template's
	der := must(x509.CreateCertificate(rand.Reader, template, parent, public, a.private))
	return &certificate{must(x509.ParseCertificate(der))}
}

// selfSigned returns a certificate of its own key.
func selfSigned(name string, changes ...func(*x509.Certificate)) *certificate {
	a := &authority{name: name, private: newEC(elliptic.P384())}
	return a.issue(name, a.private.Public(), changes...)
}

func TestWhichCertificatesOfAFileAreUsed(t *testing.T) {
	t.Parallel()
	root := newAuthority("root")
	middle := root.below("middle")
	leaf := middle.issue("signer", p256().Public())
	next := middle.issue("signer", newEC(elliptic.P256()).Public())
	bare := middle.issue("signer", p256().Public(), without)
	bareRoot := root.issue("root", root.private.Public(), without)
	unfit := middle.issue("signer", newEC(elliptic.P224()).Public())
	self, selfNext := selfSigned("signer", authorized), selfSigned("signer", authorized)
	selfBare, selfBareNext := selfSigned("signer", without), selfSigned("signer", without)
	namesake := root.issue("root", p256().Public())
	nextNamesake := root.issue("root", newEC(elliptic.P256()).Public())
	other := root.issue("other", selfSigned("").PublicKey)
	otherRoot := selfSigned("root") // another key, and no authority

	for _, test := range []struct {
		name  string
		given []*certificate
		used  []int
	}{
		{"a signer alone", []*certificate{leaf}, []int{0}},
		{"a self-signed one alone", []*certificate{self}, []int{0}},
		{"an authority alone", []*certificate{root.certificate}, []int{0}},
		{"a chain", []*certificate{leaf, middle.certificate}, []int{0}},
		{"a chain with its root", []*certificate{leaf, middle.certificate, root.certificate}, []int{0}},
		{"a chain from its root", []*certificate{root.certificate, middle.certificate, leaf}, []int{2}},
		{"a chain, a link twice", []*certificate{leaf, middle.certificate, middle.certificate}, []int{0}},
		{"a chain without identifiers", []*certificate{bare, middle.certificate, root.certificate}, []int{0}},
		{"a chain whose root has no identifier", []*certificate{middle.certificate, bareRoot}, []int{0}},
		{"authorities alone", []*certificate{middle.certificate, root.certificate}, []int{0}},
		{"two signers and their authority", []*certificate{leaf, next, middle.certificate}, []int{0, 1}},
		{"two self-signed ones of one name", []*certificate{self, selfNext}, []int{0, 1}},
		{"two self-signed ones of one name, without identifiers", []*certificate{selfBare, selfBareNext}, []int{0, 1}},
		{"a self-signed one twice", []*certificate{self, self}, []int{0}},
		{"a signer of its authority's name", []*certificate{namesake, root.certificate}, []int{0}},
		{"two signers of their authority's name", []*certificate{namesake, nextNamesake, root.certificate}, []int{0, 1}},
		{"a signer of the name of another's authority", []*certificate{otherRoot, other}, []int{0, 1}},
		{"a signer that is unfit", []*certificate{unfit, middle.certificate}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wantUsed(t, test.given, test.used)
		})
	}
}

// wantUsed checks that of the certificates those alone are used.
func wantUsed(t *testing.T, given []*certificate, used []int) {
	t.Helper()
	var text string
	for _, c := range given {
		text += c.pem()
	}
	set, err := keyset.Parse([]byte(text), keyset.ParseConfig{KeyID: keyset.ThumbprintID})
	if used == nil {
		wantError(t, err, "no usable keys")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, key := range set.Keys() {
		got = append(got, slices.IndexFunc(given, func(c *certificate) bool {
			return thumbprintOf(c.PublicKey) == key.Thumbprint()
		}))
	}
	if fmt.Sprint(got) != fmt.Sprint(used) || len(set.Skipped()) != len(given)-len(used) {
		t.Errorf("used %v, want %v; skipped %v", got, used, set.Skipped())
	}
}

func TestSkippedAuthorityIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	root := newAuthority("root")
	text := root.issue("signer", p256().Public()).pem() + root.certificate.pem()
	set := must(keyset.Parse([]byte(text), keyset.ParseConfig{}))
	if len(set.Skipped()) != 1 {
		t.Fatal(set.Skipped())
	}
	wantError(t, set.Skipped()[0].Err, `"CERTIFICATE" on line`, "issued another certificate here")
}
