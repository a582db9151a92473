package token

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// header is what matters of a JOSE header (RFC 7515 section 4). Members that
// would bring their own key (jku, jwk, x5u, x5c) are not among it: they are
// never looked at.
type header struct {
	Algorithm optionalText
	KeyID     string
	Type      optionalText

	// extended says that there is something which a verifier would have to
	// understand and this one does not, whatever the value: extensions, "crit"
	// (RFC 7515 section 4.1.11), unencoded payloads, "b64" (RFC 7797), compression
	// and encryption, "zip" and "enc" (RFC 7516).
	extended bool
}

// member implements [members].
func (h *header) member(name []byte, value jsontext.Value) (err error) {
	switch string(name) {
	case "alg":
		h.Algorithm, err = givenText(value)
	case "kid":
		h.KeyID, err = text(value)
	case "typ":
		h.Type, err = givenText(value)
	case "crit", "b64", "zip", "enc":
		h.extended = true
	}
	return err
}

// What parseHeader refuses a token with, made once.
var (
	errNoAlgorithm = &Error{reason: ReasonMalformed, cause: errors.New("header: alg is missing")}
	errExtended    = &Error{reason: ReasonUnsupported, cause: errors.New("header: crit, b64, zip or enc is present")}
)

// parseHeader is step 2 of verifying, as far as that is the same for all verifiers.
func (v *Verifier) parseHeader(ctx context.Context, data []byte) (*header, *Error) {
	h := new(header)
	if err := v.readUnverified(ctx, data, maxHeaderDepth, h); err != nil {
		return nil, unfit(err, ReasonMalformed, "header")
	}
	if !h.Algorithm.given {
		return nil, errNoAlgorithm
	}
	if h.extended {
		return nil, errExtended
	}
	if !h.algorithm().Supported() {
		return nil, refuseWord(ReasonUnsupported, "header: alg", h.Algorithm.value, nil)
	}
	return h, nil
}

func (h *header) algorithm() keyset.Algorithm { return keyset.Algorithm(h.Algorithm.value) }

// normalizeType drops what makes no difference: letter case and the
// "application/" that RFC 7515 section 4.1.9 lets producers omit.
func normalizeType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}

// checkType refuses a token that says it is something else.
func (v *Verifier) checkType(h *header) *Error {
	typ := normalizeType(h.Type.value)
	if h.Type.given == (typ != "") && slices.Contains(v.types, typ) {
		return nil
	}
	return refuseWord(ReasonUnsupported, "header: typ", typ, nil)
}
