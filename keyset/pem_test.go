package keyset_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

func pemOf(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// spki is the block that most issuers publish a key in.
func spki(public crypto.PublicKey) string {
	return pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(public)))
}

// made returns a file that openssl made.
func made(t *testing.T, name string) string {
	t.Helper()
	return string(must(fs.ReadFile(os.DirFS("testdata"), name)))
}

// thumbprintOf is how a key is recognised.
func thumbprintOf(public crypto.PublicKey) string {
	return must(keyset.NewPublicKey("", "", public)).Thumbprint()
}

func TestParseReadsEveryKindOfPEM(t *testing.T) {
	t.Parallel()
	ed := spki(edKey().Public())
	for _, test := range []struct {
		name, pem string
		alg       keyset.Algorithm
		public    crypto.PublicKey
	}{
		{"RSA", spki(rsaKey().Public()), keyset.RS256, rsaKey().Public()},
		{"RSA in PKCS #1", pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)), keyset.RS256, rsaKey().Public()},
		{"P-256", spki(p256().Public()), keyset.ES256, p256().Public()},
		{"P-384", spki(p384().Public()), keyset.ES384, p384().Public()},
		{"P-521", spki(p521().Public()), keyset.ES512, p521().Public()},
		{"Ed25519", ed, keyset.EdDSA, edKey().Public()},
		{"certificate", newAuthority("CA").issue("signer", edKey().Public()).pem(), keyset.EdDSA, edKey().Public()},
		{"text around", "The key of 2025:\n" + ed + "That was it.", keyset.EdDSA, edKey().Public()},
		{"text that looks like an end", "-----\n--\n" + ed + "-----\n", keyset.EdDSA, edKey().Public()},
		{"blank lines", " \n\n" + ed + "\n\n", keyset.EdDSA, edKey().Public()},
		{"no newline at the end", strings.TrimSpace(ed), keyset.EdDSA, edKey().Public()},
		{"from Windows", "\xef\xbb\xbf" + strings.ReplaceAll(ed, "\n", "\r\n"), keyset.EdDSA, edKey().Public()},
		{"blanks at the ends of lines", strings.ReplaceAll(ed, "\n", " \t\n"), keyset.EdDSA, edKey().Public()},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			set, err := keyset.Parse([]byte(test.pem), keyset.ParseConfig{})
			if err != nil {
				t.Fatal(err)
			}
			key, err := set.Key(t.Context(), "whatever the token says", test.alg)
			if err != nil || key.ID() != "" || key.Thumbprint() != thumbprintOf(test.public) || len(set.Skipped()) > 0 {
				t.Errorf("got %v, %v, skipped %v", key, err, set.Skipped())
			}
		})
	}
}

func TestSelfSignedCertificateOfOpenSSL(t *testing.T) {
	t.Parallel()
	text := made(t, "self-signed.pem") // after -text; CA:TRUE, and it was valid for a day
	set, err := keyset.Parse([]byte(text), keyset.ParseConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Key(t.Context(), "", keyset.ES256); err != nil {
		t.Error(err)
	}
}

func TestRSAAlgorithmOfPEM(t *testing.T) {
	t.Parallel()
	text := spki(rsaKey().Public()) + spki(p256().Public()) + spki(edKey().Public())
	set := must(keyset.Parse([]byte(text), keyset.ParseConfig{RSAAlgorithm: keyset.PS384}))
	if got := fmt.Sprint(set.Keys()); got != `[PS384 key "" ES256 key "" EdDSA key ""]` {
		t.Error(got)
	}
	_, err := keyset.Parse([]byte(text), keyset.ParseConfig{RSAAlgorithm: keyset.ES256})
	wantError(t, err, "RSAAlgorithm")
}

// The blocks that must not be used, each tried beside good ones.
var unfitPEM = []struct {
	name string
	pem  func(t *testing.T) string
	want string
}{
	{"RSA of 1024 bits", func(*testing.T) string { return spki(&rsa.PublicKey{N: oddNumber(1024), E: 65537}) }, "RSA key has 1024 bits"},
	{"RSA of 1024 bits in PKCS #1", func(*testing.T) string {
		return pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: oddNumber(1024), E: 65537}))
	}, "RSA key has 1024 bits"},
	{"even exponent", func(*testing.T) string { return spki(&rsa.PublicKey{N: oddNumber(2048), E: 4}) }, "exponent"},
	{"P-224", func(*testing.T) string { return spki(newEC(elliptic.P224()).Public()) }, "EC key on a curve other than"},
	{"certificate of P-224", func(*testing.T) string {
		return newAuthority("CA").issue("signer", newEC(elliptic.P224()).Public()).pem()
	}, "EC key on a curve other than"},
	{"Ed25519 of zeros", func(*testing.T) string { return spki(ed25519.PublicKey(make([]byte, 32))) }, "small order"},
	{"X25519", func(*testing.T) string { return spki(must(ecdh.X25519().GenerateKey(rand.Reader)).PublicKey()) }, "*ecdh.PublicKey is not a public key that can verify"},
	{"DSA", func(t *testing.T) string { return made(t, "dsa.pem") }, "*dsa.PublicKey is not a public key that can verify"},
	{"Ed448", func(t *testing.T) string { return made(t, "ed448.pem") }, "unknown public key algorithm"},
	{"certificate of Ed448", func(t *testing.T) string { return made(t, "ed448-certificate.pem") }, "unknown public key algorithm"},
	{"RSA for PSS alone", func(t *testing.T) string { return made(t, "rsa-pss.pem") }, "unknown public key algorithm"},
	{"secp256k1", func(t *testing.T) string { return made(t, "secp256k1.pem") }, "unsupported elliptic curve"},
	{"compressed point", func(t *testing.T) string { return made(t, "compressed.pem") }, "invalid uncompressed public key"},
	{"empty block", func(*testing.T) string { return pemOf("PUBLIC KEY", nil) }, `"PUBLIC KEY" on line 4: can't be read`},
	{"broken DER", func(*testing.T) string { return pemOf("PUBLIC KEY", []byte("no DER")) }, `"PUBLIC KEY" on line 4: can't be read`},
	{"broken PKCS #1", func(*testing.T) string { return pemOf("RSA PUBLIC KEY", []byte("no DER")) }, "can't be read"},
	{"broken certificate", func(*testing.T) string { return pemOf("CERTIFICATE", []byte("no DER")) }, "can't be read"},
	{"DER with more after it", func(*testing.T) string {
		return pemOf("PUBLIC KEY", append(must(x509.MarshalPKIXPublicKey(p384().Public())), 0))
	}, "trailing data"},
	{"SPKI under the label of PKCS #1", func(*testing.T) string {
		return pemOf("RSA PUBLIC KEY", must(x509.MarshalPKIXPublicKey(rsaKey().Public())))
	}, "can't be read"},
	{"a long complaint is cut", func(*testing.T) string { return longComplaint() }, "URI \"https://xxx"},
	{"private key", func(*testing.T) string { return pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(p384()))) }, `"PRIVATE KEY" on line 4: holds a private key`},
	{"private RSA key", func(*testing.T) string { return pemOf("RSA PRIVATE KEY", []byte(secretText)) }, "holds a private key"},
	{"private EC key", func(*testing.T) string { return pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p384()))) }, "holds a private key"},
	{"encrypted private key", func(*testing.T) string { return pemOf("ENCRYPTED PRIVATE KEY", []byte(secretText)) }, "holds a private key"},
	{"private key of OpenSSH", func(*testing.T) string { return pemOf("OPENSSH PRIVATE KEY", []byte(secretText)) }, "holds a private key"},
	{"private key that is no base64", func(*testing.T) string {
		return "-----BEGIN PRIVATE KEY-----\n" + secretText + "\n-----END PRIVATE KEY-----\n"
	}, "holds a private key"},
	{"request for a certificate", func(*testing.T) string { return pemOf("CERTIFICATE REQUEST", nil) }, "neither a public key nor a certificate"},
	{"of OpenPGP, which is no base64", func(*testing.T) string {
		return "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n=AAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"
	}, "neither a public key nor a certificate"},
	{"label in lower case", func(*testing.T) string { return pemOf("public key", nil) }, "neither a public key nor a certificate"},
	{"long label is cut", func(*testing.T) string { return pemOf(strings.Repeat("X", 1<<16), nil) }, `XXX..." on line 4`},
}

// longComplaint is a certificate that crypto/x509 refuses at length.
func longComplaint() string {
	good := newAuthority("CA").issue("signer", p384().Public(), func(c *x509.Certificate) {
		c.URIs = []*url.URL{{Scheme: "https", Host: strings.Repeat("x", 1000) + ".example"}}
	})
	return pemOf("CERTIFICATE", bytes.Replace(good.Raw, []byte("x.example"), []byte("x..xample"), 1))
}

func TestOneUnfitBlockIsSkippedAndTheRestWork(t *testing.T) {
	t.Parallel()
	for _, test := range unfitPEM {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bad := test.pem(t)
			set, err := keyset.Parse([]byte(spki(edKey().Public())+bad+spki(p256().Public())), keyset.ParseConfig{})
			if err != nil {
				t.Fatal(err)
			}
			if skipped := set.Skipped(); len(skipped) != 1 || skipped[0].Index != 1 || len(set.Keys()) != 2 {
				t.Fatalf("keys %v, skipped %v", set.Keys(), skipped)
			}
			wantError(t, set.Skipped()[0].Err, test.want)
			if text := set.Skipped()[0].String(); len(text) > 300 || strings.Contains(text, secretText[:8]) {
				t.Errorf("String: %q", text)
			}
			_, err = keyset.Parse([]byte(bad), keyset.ParseConfig{})
			wantError(t, err, "PEM: no usable keys")
		})
	}
}

func TestSkippedIsInTheOrderOfTheBlocks(t *testing.T) {
	t.Parallel()
	text := pemOf("FIRST", nil) + spki(edKey().Public()) + spki(edKey().Public()) + pemOf("LAST", nil)
	set := must(keyset.Parse([]byte(text), keyset.ParseConfig{KeyID: keyset.SPKIHashID}))
	skipped := set.Skipped()
	if len(skipped) != 3 || skipped[0].Index != 0 || skipped[1].Index != 2 || skipped[2].Index != 3 {
		t.Fatal(skipped)
	}
	wantError(t, skipped[1].Err, "same id and algorithm")
	if skipped[1].ID != keyset.SPKIHashID(edKey().Public()) {
		t.Errorf("id %q", skipped[1].ID)
	}
}

func TestParametersOfAnECKeyArePassedOver(t *testing.T) {
	t.Parallel()
	// As `openssl ecparam -genkey` writes them.
	private := pemOf("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}) + pemOf("EC PRIVATE KEY", []byte(secretText))
	set := must(keyset.Parse([]byte(private+spki(edKey().Public())), keyset.ParseConfig{}))
	if got := fmt.Sprint(set.Skipped()); got != `[key 1 (kid ""): "EC PRIVATE KEY" on line 4: holds a private key: publish the public half only]` {
		t.Error(got)
	}
	_, err := keyset.Parse([]byte(private), keyset.ParseConfig{})
	wantError(t, err, "no usable keys among 1", "holds a private key")
}

func TestPEMThatIsBroken(t *testing.T) {
	t.Parallel()
	good := spki(edKey().Public())
	lines := strings.SplitAfter(good, "\n")
	begin, content, end := lines[0], lines[1], lines[2]
	rubbish := strings.Repeat(pemOf("RUBBISH", nil), 4095)
	for _, test := range []struct{ name, pem, want string }{
		{"no END line", good + begin + content, `"PUBLIC KEY" on line 4 is cut off`},
		{"no END line before another block", begin + content + good, `"PUBLIC KEY" on line 1 is cut off`},
		{"no END line of a private key", good + "-----BEGIN PRIVATE KEY-----\n", `"PRIVATE KEY" on line 4 is cut off`},
		{"ends as another", begin + content + "-----END CERTIFICATE-----\n" + good, `"PUBLIC KEY" on line 1 is cut off`},
		{"no BEGIN line", content + end + good, "ends on line 2 does not begin"},
		{"BEGIN after other text", "key: " + good + good, "ends on line 3 does not begin"},
		{"BEGIN line that is not whole", good + "-----BEGIN PUBLIC KEY--\n" + content + end, "line 4 is not a whole BEGIN"},
		{"BEGIN without a blank", good + "-----BEGINPUBLIC KEY-----\n" + content + end, "line 4 is not a whole BEGIN"},
		{"END line that is not whole", begin + content + "-----END PUB\n", "line 3 is not a whole BEGIN or END"},
		{"all on one line", strings.ReplaceAll(good, "\n", " "), "line 1 is not a whole BEGIN"},
		{"newlines as backslashes", strings.ReplaceAll(good, "\n", `\n`), "line 1 is not a whole BEGIN"},
		{"newlines as carriage returns", strings.ReplaceAll(good, "\n", "\r"), "line 1 is not a whole BEGIN"},
		{"rubbish in base64", good + begin + "*" + content + end, `"PUBLIC KEY" on line 4 is damaged`},
		{"rubbish after base64", good + begin + content + "*\n" + end, `"PUBLIC KEY" on line 4 is damaged`},
		{"base64 without its last letter", begin + strings.TrimSpace(content)[1:] + "\n" + end + good, `"PUBLIC KEY" on line 1 is damaged`},
		{"zeros of a disk that was full", good + begin + strings.Repeat("\x00", 64) + "\n" + end, `"PUBLIC KEY" on line 4 is damaged`},
		{"indented", good + "  " + begin + "  " + content + "  " + end, `"PUBLIC KEY" on line 4 is damaged: not base64, or indented`},
		{"4097 blocks", good + rubbish + good, "more than 4096 keys"},
		{"text alone", "-----\nno key here\n", "JWK Set: not JSON"},
		{"a brace before it", "{}\n" + good, "JWK Set: data after"},
		{"DER", string(must(x509.MarshalPKIXPublicKey(edKey().Public()))), "JWK Set: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			set, err := keyset.Parse([]byte(test.pem), keyset.ParseConfig{})
			wantError(t, err, "keyset: ", test.want)
			if set != nil || len(err.Error()) > 300 {
				t.Errorf("%v besides %v", set, err)
			}
		})
	}
	if _, err := keyset.Parse([]byte(good+rubbish), keyset.ParseConfig{}); err != nil {
		t.Errorf("4096 blocks: %v", err)
	}
}

// Wherever a writer was interrupted, what there is of the file must not pass
// for a file of fewer keys, unless that is what it is.
func TestNoPartOfAPEMFilePassesForLess(t *testing.T) {
	t.Parallel()
	first, second := spki(edKey().Public()), newAuthority("CA").issue("signer", p256().Public()).pem()
	whole := first + second
	for at := range len(whole) {
		set, err := keyset.Parse([]byte(whole[:at]), keyset.ParseConfig{})
		switch {
		case at == len(first)-1, at == len(first), at == len(whole)-1: // but for a newline, a file of its own
			if err != nil {
				t.Errorf("first %d bytes: %v", at, err)
			}
		case err == nil:
			t.Errorf("first %d bytes: %v", at, set.Keys())
		}
	}
}

// A file that was mangled must not show a private key to the log.
func TestErrorsAboutPEMShowNoSecret(t *testing.T) {
	t.Parallel()
	private := pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(edKey())))
	secret := strings.Split(private, "\n")[1]
	for name, text := range map[string]string{
		"whole":                  private,
		"cut off":                private[:len(private)-10],
		"all on one line":        strings.ReplaceAll(private, "\n", " "),
		"newlines as text":       strings.ReplaceAll(private, "\n", `\n`),
		"without BEGIN":          private[len("-----BEGIN PRIVATE KEY-----\n"):],
		"as a public key":        strings.ReplaceAll(private, "PRIVATE", "PUBLIC"),
		"as a damaged public":    strings.ReplaceAll(strings.ReplaceAll(private, "PRIVATE", "PUBLIC"), secret, secret+"*"),
		"as a certificate":       strings.ReplaceAll(private, "PRIVATE KEY", "CERTIFICATE"),
		"on the line of the END": strings.Replace(private, "\n-----END", "-----END", 1),
	} {
		_, err := keyset.Parse([]byte(text), keyset.ParseConfig{})
		if err == nil || strings.Contains(err.Error(), secret[:8]) || strings.Contains(err.Error(), secret[len(secret)-8:]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAURLBringsNoPEM(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, body([]byte(spki(edKey().Public()))), func(_ *testing.T, r *remote) {
		pass(time.Second)
		_, err := r.key("a")
		wantError(t, err, "not JSON")
	})
}
