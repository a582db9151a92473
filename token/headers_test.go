package token_test

import (
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestOnlyAHeaderUnderASignatureThatHeldIsRemembered(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verifier := trusting(t, issuer)
	forged := issuer.Token(jwttest.Forged(), jwttest.Header("x", 1))
	wantReason(t, verifier, forged, token.ReasonSignatureInvalid)
	unsupported := issuer.Token(jwttest.Header("typ", "x"))
	wantReason(t, verifier, unsupported, token.ReasonUnsupported)
	if verifier.RemembersHeader(forged) || verifier.RemembersHeader(unsupported) {
		t.Error("the header of a token that was refused is remembered")
	}
	for i, raw := range []string{issuer.Token(), issuer.Token(jwttest.Subject("bob"))} {
		if verifier.RemembersHeader(raw) != (i > 0) {
			t.Errorf("before token %d: remembered: %v", i, i == 0)
		}
		wantReason(t, verifier, raw, "")
	}

	// Under the same header, all else is looked at as before.
	wantReason(t, verifier, issuer.Token(jwttest.Forged()), token.ReasonSignatureInvalid)
	wantReason(t, verifier, issuer.Token(jwttest.Audience("another")), token.ReasonAudienceMismatch)
}

func TestAVerifierRemembersOnlyHeadersThatItAccepts(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	raw := issuer.Token(jwttest.Header("typ", "dpop+jwt"))
	lax, strict := trusting(t, issuer, token.Types("dpop+jwt")), trusting(t, issuer)
	for range 2 {
		wantReason(t, lax, raw, "")
		wantReason(t, strict, raw, token.ReasonUnsupported)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	verifier := trusting(t, issuer, token.CacheSize(0))
	var raws []string
	for i := range 100 { // an issuer that puts something new into each
		raws = append(raws, issuer.Token(jwttest.Header("nonce", strings.Repeat("x", 4000+i))))
	}
	for _, raw := range raws {
		wantReason(t, verifier, raw, "")
	}
	remembered := 0
	for _, raw := range raws {
		if verifier.RemembersHeader(raw) {
			remembered++
		}
	}
	if remembered == 0 || remembered > 40 { // in 256 KiB
		t.Errorf("%d headers of 5 KB each are remembered", remembered)
	}
}
