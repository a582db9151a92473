package keyset

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"slices"
)

// errOffCurve is a point that is not on its curve, or is its infinity.
var errOffCurve = errors.New("EC point is not on its curve")

func newECKey(id string, alg Algorithm, public *ecdsa.PublicKey) (*Key, error) {
	if public == nil || public.Curve == nil {
		return nil, errors.New("EC key without a curve")
	}
	ofCurve, ok := algorithmOf(public.Curve)
	if !ok {
		return nil, errors.New("EC key on a curve other than P-256, P-384 and P-521")
	}
	alg, s, err := schemeFor(alg, ofCurve, kindEC)
	if err != nil {
		return nil, err
	}
	name := public.Curve.Params().Name
	if s.curve != public.Curve {
		return nil, fmt.Errorf("algorithm %s is not for curve %s", alg, name)
	}
	own, point, err := copyPoint(public)
	if err != nil {
		return nil, err
	}
	size := len(point) / 2 // of a coordinate: the point is 0x04, x, y
	members := `{"crv":"` + name + `","kty":"EC","x":"` + encode(point[1:1+size]) + `","y":"` + encode(point[1+size:]) + `"}`
	return &Key{id: id, alg: alg, thumbprint: thumbprint(members), public: own, verify: verifyECDSA(s, own)}, nil
}

// copyPoint returns a copy of public and its uncompressed encoding (SEC 1
// section 2.3.3), and errOffCurve for a point that is not on its curve.
func copyPoint(public *ecdsa.PublicKey) (*ecdsa.PublicKey, []byte, error) {
	if public.X == nil || public.Y == nil { //nolint:staticcheck // Bytes would panic
		return nil, nil, errOffCurve
	}
	point, err := public.Bytes()
	if err != nil {
		return nil, nil, errOffCurve
	}
	own, err := ecdsa.ParseUncompressedPublicKey(public.Curve, point)
	if err != nil {
		return nil, nil, errOffCurve
	}
	return own, point, nil
}

// ec reads RFC 7518 section 6.2.1.
func (w *jwk) ec() (*Key, error) {
	curve, ok := curveNamed(w.Curve)
	if !ok {
		return nil, fmt.Errorf("curve %s is not supported", quote(w.Curve))
	}
	x, err := decode("x", w.X)
	if err != nil {
		return nil, err
	}
	y, err := decode("y", w.Y)
	if err != nil {
		return nil, err
	}
	// RFC 7518 section 6.2.1.2: each coordinate has the full size of the field.
	if size := (curve.Params().BitSize + 7) / 8; len(x) != size || len(y) != size {
		return nil, fmt.Errorf("x and y have %d and %d bytes, %s wants %d", len(x), len(y), w.Curve, size)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, errOffCurve
	}
	return newECKey(w.ID, w.Algorithm, public)
}

// curveNamed returns the curve of a "crv" member (RFC 7518 section 6.2.1.1).
func curveNamed(name string) (elliptic.Curve, bool) {
	switch name {
	case "P-256":
		return elliptic.P256(), true
	case "P-384":
		return elliptic.P384(), true
	case "P-521":
		return elliptic.P521(), true
	default:
		return nil, false
	}
}

// algorithmOf returns the algorithm of keys on curve (RFC 7518 section 3.4).
func algorithmOf(curve elliptic.Curve) (Algorithm, bool) {
	switch curve {
	case elliptic.P256():
		return ES256, true
	case elliptic.P384():
		return ES384, true
	case elliptic.P521():
		return ES512, true
	default:
		return "", false
	}
}
