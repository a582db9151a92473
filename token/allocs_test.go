package token_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// elevenClaims is the payload of a usual access token.
func elevenClaims(issuer string) string {
	now := time.Now().Unix()
	return fmt.Sprintf(`{"iss":%q,"sub":"248289761001","aud":[%q],"exp":%d,"nbf":%d,"iat":%d,`+
		`"jti":"3fa85f64-5717-4562-b3fc-2c963f66afa6","scope":"openid profile orders:read orders:write",`+
		`"client_id":"s6BhdRkqt3","tenant":"acme-emea-production","roles":["buyer","approver"]}`,
		issuer, jwttest.DefaultAudience, now+3600, now-1, now-1)
}

// TestWhatVerifyingAllocates bounds what a token that was never seen costs besides
// the check of its signature: what it says, and itself. The header is not
// remembered here, nor is the token.
func TestWhatVerifyingAllocates(t *testing.T) { //nolint:paralleltest // testing.AllocsPerRun
	const most = 18
	for _, alg := range []keyset.Algorithm{keyset.RS256, keyset.ES256, keyset.EdDSA, keyset.HS256} {
		issuer := newIssuer(t, jwttest.WithAlgorithms(alg))
		verifier, signer := trusting(t, issuer, token.CacheSize(0)), issuer.Key(alg)
		raw := signer.Sign(fmt.Sprintf(`{"alg":%q,"typ":"at+jwt","kid":%q}`, alg, signer.ID()), elevenClaims(issuer.URL()))
		last := strings.LastIndexByte(raw, '.')
		signature, err := base64.RawURLEncoding.DecodeString(raw[last+1:])
		if err != nil {
			t.Fatal(err)
		}
		key, err := signer.Verifier()
		if err != nil {
			t.Fatal(err)
		}
		check := testing.AllocsPerRun(100, func() {
			if err := key.Verify(raw[:last], signature); err != nil {
				t.Error(err)
			}
		})
		whole := testing.AllocsPerRun(100, func() {
			if _, err := verifier.Verify(t.Context(), raw); err != nil {
				t.Error(err)
			}
		})
		if whole > check+most {
			t.Errorf("%s: %v allocations, %v of them for the signature; want %d besides", alg, whole, check, most)
		}
	}
}

// TestWhatRefusingAllocates bounds what a token costs that anybody can send.
func TestWhatRefusingAllocates(t *testing.T) { //nolint:paralleltest // testing.AllocsPerRun
	issuer := newIssuer(t, jwttest.WithAlgorithms(keyset.EdDSA))
	verifier, signer := trusting(t, issuer), issuer.Key(keyset.EdDSA)
	good := signer.Sign(fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, signer.ID()), elevenClaims(issuer.URL()))
	first, last := strings.IndexByte(good, '.'), strings.LastIndexByte(good, '.')
	for name, test := range map[string]struct {
		raw  string
		want token.Reason
		most float64
	}{
		"over-long":                     {strings.Repeat("A", token.DefaultMaxSize+1), token.ReasonTooLarge, 0},
		"empty":                         {"", token.ReasonMalformed, 0},
		"two segments":                  {good[:last], token.ReasonMalformed, 0},
		"four segments":                 {good + ".", token.ReasonMalformed, 0},
		"16 KiB of dots":                {strings.Repeat(".", token.DefaultMaxSize), token.ReasonMalformed, 0},
		"line break in the header":      {good[:first] + "\n" + good[first:], token.ReasonMalformed, 0},
		"line break in the payload":     {good[:last] + "\r" + good[last:], token.ReasonMalformed, 0},
		"line break in the signature":   {good + "\n", token.ReasonMalformed, 0},
		"padding":                       {good + "=", token.ReasonMalformed, 0},
		"trailing bits":                 {flipTrailingBits(good), token.ReasonMalformed, 0},
		"a character that is no base64": {good[:first+5] + "+" + good[first+6:], token.ReasonMalformed, 0},
		"an unknown algorithm":          {jwttest.Encode(`{"alg":"XX"}`, "{}", nil), token.ReasonUnsupported, 5},
		"crit":                          {jwttest.Encode(`{"alg":"EdDSA","crit":["x"]}`, "{}", nil), token.ReasonUnsupported, 3},
		"another type":                  {jwttest.Encode(`{"alg":"EdDSA","typ":"jose"}`, "{}", nil), token.ReasonUnsupported, 6},
		"an unknown key":                {jwttest.Encode(`{"alg":"EdDSA","kid":"x"}`, "{}", nil), token.ReasonKeyUnknown, 6},
		"a bad signature":               {jwttest.Tamper(good), token.ReasonSignatureInvalid, 8},
	} {
		var err error
		got := testing.AllocsPerRun(100, func() { _, err = verifier.Verify(t.Context(), test.raw) })
		if token.ReasonOf(err) != test.want {
			t.Errorf("%s: reason is %q, want %q", name, token.ReasonOf(err), test.want)
		}
		if got > test.most {
			t.Errorf("%s: %v allocations, want %v at most", name, got, test.most)
		}
	}
}

func TestCausesNameTheSegment(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	good := b.key.Sign(`{`+b.members+`}`, `{`+b.claims+`}`)
	first, last := strings.IndexByte(good, '.'), strings.LastIndexByte(good, '.')
	for raw, want := range map[string]string{
		good + "\n":                                      "signature",
		good[:last] + "=" + good[last:]:                  "payload",
		good[:first] + "\r" + good[first:]:               "header",
		good[:last]:                                      "three segments",
		strings.Repeat("A", 17<<10):                      "MaxSize",
		b.key.Sign(`{"alg":7}`, `{}`):                    "header: alg: want a string",
		b.key.Sign(`{"alg":"XX"}`, `{}`):                 `header: alg "XX"`,
		b.key.Sign(`{"alg":"HS256"}`, `{}`):              "alg HS256",
		jwttest.Tamper(good):                             fmt.Sprintf("kid %q", b.key.ID()),
		b.key.Sign(`{`+b.members+`}`, `{"aud":["a",7]}`): "claims: aud: element 1: want a string",
		b.key.Sign(`{`+b.members+`}`, `{"exp":"7"}`):     "claims: exp: want a number",
		b.key.Sign(`{`+b.members+`,"typ":"jose"}`, `{}`): `typ "jose"`,
		b.key.Sign(`{"alg":"ES256","kid":"`+strings.Repeat("k", 99)+`"}`, `{}`): `kkk" (and 19 bytes more)`,
	} {
		_, err := b.verifier.Verify(t.Context(), raw)
		if cause := errors.Unwrap(err); cause == nil || !strings.Contains(cause.Error(), want) {
			t.Errorf("the cause is %v, want %q in it", cause, want)
		}
	}
}

func TestCausesAreStillRecognized(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.verifier.Verify(t.Context(), b.key.Sign(`{"alg":"ES256","kid":"x"}`, `{}`))
	if !errors.Is(err, keyset.ErrUnknownKey) {
		t.Errorf("%v is not ErrUnknownKey", errors.Unwrap(err))
	}
	_, err = b.verifier.Verify(t.Context(), b.key.Sign(`{"alg":"HS256"}`, `{}`))
	if !errors.Is(err, keyset.ErrWrongAlgorithm) {
		t.Errorf("%v is not ErrWrongAlgorithm", errors.Unwrap(err))
	}
}

// TestATokenIsKeptOnce checks that a token keeps nothing of the string that was
// verified, which may be a part of something larger.
func TestATokenIsKeptOnce(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	raw := issuer.Token(jwttest.Scopes("read"), jwttest.ID("id-1"))
	got, err := trusting(t, issuer).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if !within(got.Raw(), got.Authorization()) {
		t.Error("Raw() and Authorization() are two copies")
	}
	for _, part := range []string{
		got.Raw(), got.Authorization(), got.KeyID(), string(got.Algorithm()), got.Issuer(), got.Subject(), got.ID(),
		got.Scopes()[0], got.Audience()[0],
	} {
		if within(part, raw) {
			t.Errorf("%d bytes are those of the string that was verified", len(part))
		}
	}
}

// within reports whether part lies in the memory of whole.
func within(part, whole string) bool {
	at, begin := uintptr(unsafe.Pointer(unsafe.StringData(part))), uintptr(unsafe.Pointer(unsafe.StringData(whole))) //nolint:gosec // only compared
	return at >= begin && at < begin+uintptr(len(whole))
}

func TestFingerprintsAreSharedByGoroutines(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	raw := issuer.Token()
	got, err := trusting(t, issuer).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if got.Fingerprint() != token.Fingerprint(raw) || got.String() != "token "+token.Fingerprint(raw) {
				t.Error("another fingerprint")
			}
		})
	}
	all.Wait()
}
