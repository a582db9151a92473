package keyset_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// ecdsaMethod is what golang-jwt verifies by, and our key for the same.
type ecdsaMethod struct {
	method  *jwt.SigningMethodECDSA
	private *ecdsa.PrivateKey
	key     *keyset.Key
}

func ecdsaMethods(tb testing.TB) []ecdsaMethod {
	tb.Helper()
	all := []ecdsaMethod{
		{method: jwt.SigningMethodES256, private: p256()},
		{method: jwt.SigningMethodES384, private: p384()},
		{method: jwt.SigningMethodES512, private: p521()},
	}
	for i, m := range all {
		key, err := keyset.NewPublicKey("", "", &m.private.PublicKey)
		if err != nil {
			tb.Fatal(err)
		}
		all[i].key = key
	}
	return all
}

// agrees checks that our verdict is that of golang-jwt, and returns it.
func (m ecdsaMethod) agrees(t *testing.T, signed string, signature []byte) (good bool) {
	t.Helper()
	before := bytes.Clone(signature)
	ours := m.key.Verify(signed, signature)
	theirs := m.method.Verify(signed, signature, &m.private.PublicKey)
	if (ours == nil) != (theirs == nil) {
		t.Errorf("%s: we say %v, golang-jwt says %v, of a signature of %d bytes", m.method.Name, ours, theirs, len(signature))
	}
	if !bytes.Equal(before, signature) {
		t.Errorf("%s: the signature was changed", m.method.Name)
	}
	return ours == nil
}

// fixed returns r and s in the form of RFC 7518 section 3.4. What has too many
// bits loses the first.
func (m ecdsaMethod) fixed(r, s *big.Int) []byte {
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(8*m.method.KeySize))
	part := func(n *big.Int) []byte { return new(big.Int).Mod(n, modulus).FillBytes(make([]byte, m.method.KeySize)) }
	return slices.Concat(part(r), part(s))
}

// TestOddECDSASignatures has what a forger or a careless signer would send, in
// the manner of Project Wycheproof.
func TestOddECDSASignatures(t *testing.T) {
	t.Parallel()
	const signed = "header.payload"
	for _, m := range ecdsaMethods(t) {
		t.Run(m.method.Name, func(t *testing.T) {
			t.Parallel()
			good, err := m.method.Sign(signed, m.private)
			if err != nil {
				t.Fatal(err)
			}
			size := m.method.KeySize
			r, s := new(big.Int).SetBytes(good[:size]), new(big.Int).SetBytes(good[size:])
			n := m.private.Params().N
			zero, one := new(big.Int), big.NewInt(1)
			all := new(big.Int).Sub(new(big.Int).Lsh(one, uint(8*size)), one)
			minus := func(x *big.Int) *big.Int { return new(big.Int).Sub(n, x) }
			plus := func(x *big.Int) *big.Int { return new(big.Int).Add(n, x) }
			for name, test := range map[string]struct {
				signature []byte
				want      bool
			}{
				"as it was made":      {good, true},
				"the other s":         {m.fixed(r, minus(s)), true}, // no rule says which of the two
				"the other r":         {m.fixed(minus(r), s), false},
				"swapped":             {m.fixed(s, r), false},
				"both zero":           {m.fixed(zero, zero), false},
				"r zero":              {m.fixed(zero, s), false},
				"s zero":              {m.fixed(r, zero), false},
				"both one":            {m.fixed(one, one), false},
				"r one":               {m.fixed(one, s), false},
				"r is n":              {m.fixed(n, s), false},
				"s is n":              {m.fixed(r, n), false},
				"both n":              {m.fixed(n, n), false},
				"r is n less one":     {m.fixed(minus(one), s), false},
				"s is n and one more": {m.fixed(r, plus(one)), false},
				"s and n":             {m.fixed(r, plus(s)), false}, // equal modulo n, where it fits
				"r and n":             {m.fixed(plus(r), s), false},
				"all bits":            {m.fixed(all, all), false},
				"r negative":          {m.fixed(new(big.Int).Neg(r), s), false},
				"empty":               {nil, false},
				"one byte":            {good[:1], false},
				"r alone":             {good[:size], false},
				"one byte short":      {good[:2*size-1], false},
				"one byte long":       {append(bytes.Clone(good), 0), false},
				"a zero in front":     {append([]byte{0}, good...), false},
				"zeros in front of r and s": {
					slices.Concat([]byte{0}, good[:size], []byte{0}, good[size:]), false,
				},
				"a zero in front of s":     {slices.Concat(good[:size], []byte{0}, good[size:]), false},
				"without one byte of each": {slices.Concat(good[1:size], good[size+1:]), false},
				"twice":                    {slices.Concat(good, good), false},
				"of another curve's size":  {make([]byte, 2*size+32), false},
				"in DER":                   {inDER(t, m.private, signed), false},
			} {
				if got := m.agrees(t, signed, test.signature); got != test.want {
					t.Errorf("%s: accepted is %v", name, got)
				}
			}
			if m.agrees(t, signed+"x", good) || m.agrees(t, "", good) {
				t.Error("the signature holds for another text")
			}
		})
	}
}

// inDER returns a good signature in the form of other protocols.
func inDER(t *testing.T, private *ecdsa.PrivateKey, signed string) []byte {
	t.Helper()
	der, err := private.Sign(rand.Reader, digest(crypto.SHA256, signed), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestECDSANumbersWithZerosInFront signs until both numbers were short, by one
// byte at least, and had their first bit set: ASN.1 writes these three ways.
func TestECDSANumbersWithZerosInFront(t *testing.T) {
	t.Parallel()
	m := ecdsaMethods(t)[0]
	size := m.method.KeySize
	var zeroR, zeroS, high, low bool
	for i := 0; i < 20000 && (!zeroR || !zeroS || !high || !low); i++ {
		signed := strings.Repeat("x", i%300)
		signature, err := m.method.Sign(signed, m.private)
		if err != nil {
			t.Fatal(err)
		}
		zeroR, zeroS = zeroR || signature[0] == 0, zeroS || signature[size] == 0
		high, low = high || signature[0] > 0x7f, low || signature[0] != 0 && signature[0] < 0x80
		if signature[0] != 0 && signature[size] != 0 && i > 100 {
			continue
		}
		if !m.agrees(t, signed, signature) {
			t.Fatal("a good signature is refused")
		}
	}
	if !zeroR || !zeroS || !high || !low {
		t.Error("some forms were not seen")
	}
}

// TestECDSANumbersOfAnyLength has good signatures whose second number is as short as the
// test likes: it takes the key that fits. ASN.1 writes the length of a whole one
// in two ways, and signing would never come to where they meet.
func TestECDSANumbersOfAnyLength(t *testing.T) {
	t.Parallel()
	const signed = "header.payload"
	for _, m := range ecdsaMethods(t) {
		t.Run(m.method.Name, func(t *testing.T) {
			t.Parallel()
			for size := 1; size < m.method.KeySize; size++ {
				for _, bits := range []int{8*size - 1, 8 * size} { // without the bit that ASN.1 takes for a sign, and with it
					s := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
					if fitting, signature := m.fitting(t, signed, s); !fitting.agrees(t, signed, signature) {
						t.Errorf("a good signature is refused, whose second number has %d bits", bits)
					}
				}
			}
		})
	}
}

// fitting returns a key under which s is the second number of a signature over
// signed, and the signature.
func (m ecdsaMethod) fitting(t *testing.T, signed string, s *big.Int) (fitting ecdsaMethod, signature []byte) {
	t.Helper()
	curve, order := m.private.Curve, m.private.Params().N
	nonce := m.private.D                      //nolint:staticcheck // any number will do
	r := new(big.Int).Mod(m.private.X, order) // of the nonce's point
	hash := m.method.Hash.New()
	hash.Write([]byte(signed))
	sum := new(big.Int).SetBytes(hash.Sum(nil))

	// s = (sum + r·d) / nonce, solved for d.
	d := new(big.Int).Mul(s, nonce)
	d.Sub(d, sum).Mul(d, new(big.Int).ModInverse(r, order)).Mod(d, order)
	private, err := ecdsa.ParseRawPrivateKey(curve, d.FillBytes(make([]byte, m.method.KeySize)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := keyset.NewPublicKey("", "", &private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return ecdsaMethod{method: m.method, private: private, key: key}, m.fixed(r, s)
}

// TestTextsOfAnyLength has texts around the length that is copied to the stack.
func TestTextsOfAnyLength(t *testing.T) {
	t.Parallel()
	for _, pair := range pairs() {
		t.Run(string(pair.alg), func(t *testing.T) {
			t.Parallel()
			key, err := pair.key("", pair.alg)
			if err != nil {
				t.Fatal(err)
			}
			for _, length := range []int{0, 1, 2047, 2048, 2049, 16 << 10} {
				signed := strings.Repeat("x", length)
				signature := pair.sign(t, signed)
				if err := key.Verify(signed, signature); err != nil {
					t.Errorf("%d bytes: %v", length, err)
				}
				if err := key.Verify(signed+"x", signature); err == nil {
					t.Errorf("%d bytes: the signature holds for another text", length)
				}
			}
		})
	}
}

// TestVerifyingCostsLittleMemory bounds what is allocated besides what the
// standard library's own check of prepared bytes does.
func TestVerifyingCostsLittleMemory(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of all goroutines
	signed := strings.Repeat("x", 700)
	for alg, most := range map[keyset.Algorithm]float64{keyset.RS256: 0, keyset.ES256: 1, keyset.ES512: 1, keyset.EdDSA: 0} {
		pair := pairs()[slices.IndexFunc(pairs(), func(p pair) bool { return p.alg == alg })]
		key, err := pair.key("", alg)
		if err != nil {
			t.Fatal(err)
		}
		signature := pair.sign(t, signed)
		bare := testing.AllocsPerRun(100, bareCheck(t, pair, signed, signature))
		ours := testing.AllocsPerRun(100, func() {
			if key.Verify(signed, signature) != nil {
				t.Error("a good signature is refused")
			}
		})
		if ours > bare+most {
			t.Errorf("%s: %v allocations, the bare check has %v", alg, ours, bare)
		}
	}
}

// bareCheck returns the standard library's check of prepared bytes.
func bareCheck(t *testing.T, p pair, signed string, signature []byte) func() {
	t.Helper()
	key, err := p.key("", p.alg)
	if err != nil {
		t.Fatal(err)
	}
	var check func() bool
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		sum := digest(p.hash, signed)
		check = func() bool { return rsa.VerifyPKCS1v15(public, p.hash, sum, signature) == nil }
	case *ecdsa.PublicKey:
		sum, half := digest(p.hash, signed), len(signature)/2
		der := must(asn1.Marshal([]*big.Int{new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])}))
		check = func() bool { return ecdsa.VerifyASN1(public, sum, der) }
	case ed25519.PublicKey:
		text := []byte(signed)
		check = func() bool { return ed25519.Verify(public, text, signature) }
	}
	return func() {
		if !check() {
			t.Error("a good signature is refused")
		}
	}
}

// FuzzECDSA looks for a signature of which we think otherwise than golang-jwt.
func FuzzECDSA(f *testing.F) {
	methods := ecdsaMethods(f)
	for i, m := range methods {
		signature, err := m.method.Sign("text", m.private)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), "text", signature, []byte(nil))
		f.Add(uint8(i), "text", signature, []byte{0, 0, 0, 0xff})
		f.Add(uint8(i), "other", make([]byte, 2*m.method.KeySize), signature[:8])
	}
	// What was signed by us is new with each run, so that the seeds of a corpus
	// would go stale: each is mixed with a signature that holds.
	f.Fuzz(func(t *testing.T, which uint8, signed string, signature, change []byte) {
		m := methods[int(which)%len(methods)]
		m.agrees(t, signed, signature)
		good, err := m.method.Sign(signed, m.private)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(good)
		for i, c := range change {
			changed[i%len(changed)] ^= c
		}
		if accepted := m.agrees(t, signed, changed); accepted && !bytes.Equal(changed, good) {
			t.Error("a changed signature is accepted")
		}
	})
}
