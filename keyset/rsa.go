package keyset

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"math"
	"math/big"
)

// The sizes of RSA keys that are accepted, in bits. The lower bound is RFC
// 7518 section 3.3; past the upper one a signature costs more than a service
// should be made to pay.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

func newRSAKey(id string, alg Algorithm, public *rsa.PublicKey) (*Key, error) {
	alg, s, err := schemeFor(alg, RS256, kindRSA)
	if err != nil {
		return nil, err
	}
	if err := checkRSA(public); err != nil {
		return nil, err
	}
	own := &rsa.PublicKey{N: new(big.Int).Set(public.N), E: public.E}
	e := encode(big.NewInt(int64(own.E)).Bytes())
	members := `{"e":"` + e + `","kty":"RSA","n":"` + encode(own.N.Bytes()) + `"}`
	return &Key{id: id, alg: alg, thumbprint: thumbprint(members), public: own, verify: verifyRSA(s, own)}, nil
}

// checkRSA reports what crypto/rsa would find out with the first signature, or
// not at all.
func checkRSA(public *rsa.PublicKey) error {
	if public == nil || public.N == nil {
		return errors.New("RSA key without a modulus")
	}
	if bits := public.N.BitLen(); public.N.Sign() < 0 || bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("RSA key has %d bits, want %d to %d", bits, minRSABits, maxRSABits)
	}
	if public.N.Bit(0) == 0 {
		return errors.New("RSA modulus is even")
	}
	if public.E < 3 || public.E%2 == 0 || public.E > math.MaxInt32 {
		return errors.New("RSA exponent is not an odd number from 3 to 2^31-1")
	}
	return nil
}

// rsa reads RFC 7518 section 6.3.1.
func (w *jwk) rsa(rules jwkRules) (*Key, error) {
	n, err := decode("n", w.N)
	if err != nil {
		return nil, err
	}
	e, err := decode("e", w.E)
	if err != nil {
		return nil, err
	}
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 {
		return nil, errors.New("RSA exponent is not an odd number from 3 to 2^31-1")
	}
	alg := w.Algorithm
	if alg == "" {
		alg = rules.rsaAlgorithm
	}
	return newRSAKey(w.ID, alg, &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())})
}
