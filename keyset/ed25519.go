package keyset

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

func newEd25519Key(id string, alg Algorithm, public ed25519.PublicKey) (*Key, error) {
	alg, _, err := schemeFor(alg, EdDSA, kindEd25519)
	if err != nil {
		return nil, err
	}
	if len(public) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("Ed25519 key has %d bytes, want %d", len(public), ed25519.PublicKeySize)
	}
	if err := checkEdwards(public); err != nil {
		return nil, err
	}
	own := ed25519.PublicKey(bytes.Clone(public))
	members := `{"crv":"Ed25519","kty":"OKP","x":"` + encode(own) + `"}`
	return &Key{id: id, alg: alg, thumbprint: thumbprint(members), public: own, verify: verifyEd25519(own)}, nil
}

// checkEdwards reports an encoded point that is not on edwards25519 (RFC 8032
// section 5.1.3), and one of small order: under such a key, which 32 zero
// bytes are, anyone can sign. crypto/ed25519 takes both without a word.
//
// The curve is -x²+y² = 1+d·x²·y². Its points of order 1 and 2 have y² = 1,
// those of order 4 have y = 0, and doubling one of order 8 gives one of order
// 4: its y²+x² is 0, which turns the equation into d·y⁴+2y²-1 = 0.
func checkEdwards(encoded []byte) error {
	p, d := edwards25519()
	littleEndian := bytes.Clone(encoded)
	littleEndian[len(littleEndian)-1] &= 0x7f // the sign of x
	slices.Reverse(littleEndian)
	y := new(big.Int).SetBytes(littleEndian)
	one := big.NewInt(1)
	y2 := mod(new(big.Int).Mul(y, y), p)
	dy2 := mod(new(big.Int).Mul(d, y2), p)

	// x² = u/v, which is a square if and only if u·v is.
	u := mod(new(big.Int).Sub(y2, one), p)
	v := mod(new(big.Int).Add(dy2, one), p)
	if y.Cmp(p) >= 0 || big.Jacobi(new(big.Int).Mul(u, v), p) < 0 {
		return errors.New("Ed25519 point is not on its curve")
	}
	order8 := new(big.Int).Mul(dy2, y2)
	order8.Add(order8, y2).Add(order8, y2).Sub(order8, one)
	if y.Sign() == 0 || u.Sign() == 0 || mod(order8, p).Sign() == 0 {
		return errors.New("Ed25519 point is of small order")
	}
	return nil
}

// edwards25519 returns the prime and the constant d of RFC 8032 section 5.1.
func edwards25519() (p, d *big.Int) {
	p = new(big.Int).Lsh(big.NewInt(1), 255)
	p.Sub(p, big.NewInt(19))
	d = new(big.Int).ModInverse(big.NewInt(121666), p)
	return p, mod(d.Mul(d, big.NewInt(-121665)), p)
}

// mod reduces x, in place.
func mod(x, p *big.Int) *big.Int { return x.Mod(x, p) }

// okp reads RFC 8037 section 2, for the one curve that has a JWS algorithm
// here.
func (w *jwk) okp() (*Key, error) {
	if w.Curve != "Ed25519" {
		return nil, fmt.Errorf("curve %s is not supported", quote(w.Curve))
	}
	x, err := decode("x", w.X)
	if err != nil {
		return nil, err
	}
	return newEd25519Key(w.ID, w.Algorithm, ed25519.PublicKey(x))
}
