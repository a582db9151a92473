package token_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// bench signs headers and payloads that were written by hand.
type bench struct {
	key      *jwttest.Key
	verifier *token.Verifier
	members  string // header members that name the key
	claims   string // claims that are accepted
}

func newBench(t *testing.T) *bench {
	t.Helper()
	issuer := newIssuer(t)
	key := issuer.Key(keyset.ES256)
	return &bench{
		key:      key,
		verifier: trusting(t, issuer),
		members:  fmt.Sprintf(`"alg":"ES256","kid":%q`, key.ID()),
		claims: fmt.Sprintf(`"iss":%q,"aud":%q,"sub":"alice","exp":%d`,
			issuer.URL(), jwttest.DefaultAudience, time.Now().Add(time.Hour).Unix()),
	}
}

// TestHeadersByHand has headers that no library would write, each over a good
// payload and with a signature that holds.
func TestHeadersByHand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, test := range map[string]struct {
		header string
		want   token.Reason
	}{
		"plain":                        {`{` + b.members + `}`, ""},
		"white space":                  {" {\n" + b.members + "\t}\r\n", ""},
		"escaped name":                 {`{"\u0061lg":"ES256"}`, ""},
		"null":                         {`null`, token.ReasonMalformed},
		"empty":                        {``, token.ReasonMalformed},
		"array":                        {`[{` + b.members + `}]`, token.ReasonMalformed},
		"string":                       {`"ES256"`, token.ReasonMalformed},
		"not JSON":                     {`alg=ES256`, token.ReasonMalformed},
		"truncated":                    {`{` + b.members, token.ReasonMalformed},
		"trailing object":              {`{` + b.members + `}{}`, token.ReasonMalformed},
		"trailing NUL":                 {`{` + b.members + "}\x00", token.ReasonMalformed},
		"byte order mark":              {"\ufeff{" + b.members + "}", token.ReasonMalformed},
		"comment":                      {`{` + b.members + `/**/}`, token.ReasonMalformed},
		"alg twice":                    {`{` + b.members + `,"alg":"none"}`, token.ReasonMalformed},
		"alg twice, once escaped":      {`{` + b.members + `,"\u0061lg":"none"}`, token.ReasonMalformed},
		"unknown member twice":         {`{` + b.members + `,"x":1,"x":2}`, token.ReasonMalformed},
		"twice inside a member":        {`{` + b.members + `,"x":{"y":1,"y":2}}`, token.ReasonMalformed},
		"invalid UTF-8":                {"{" + b.members + ",\"x\":\"\xff\"}", token.ReasonMalformed},
		"lone surrogate":               {`{` + b.members + `,"x":"\ud800"}`, token.ReasonMalformed},
		"nesting at the limit":         {`{` + b.members + `,"x":` + deep(3) + `}`, ""},
		"nesting over the limit":       {`{` + b.members + `,"x":` + deep(4) + `}`, token.ReasonMalformed},
		"many siblings":                {`{` + b.members + `,"x":[{}` + strings.Repeat(`,[],{"a":{}}`, 50) + `]}`, ""},
		"nesting without an end":       {`{"x":` + strings.Repeat("[", 9000), token.ReasonMalformed},
		"case variants are unknown":    {`{` + b.members + `,"ALG":"none","Crit":["x"]}`, ""},
		"no alg":                       {`{}`, token.ReasonMalformed},
		"only a case variant of alg":   {`{"Alg":"ES256"}`, token.ReasonMalformed},
		"alg null":                     {`{"alg":null}`, token.ReasonMalformed},
		"alg a number":                 {`{"alg":256}`, token.ReasonMalformed},
		"alg a list":                   {`{"alg":["ES256"]}`, token.ReasonMalformed},
		"alg none":                     {`{"alg":"none"}`, token.ReasonUnsupported},
		"alg None":                     {`{"alg":"None"}`, token.ReasonUnsupported},
		"alg empty":                    {`{"alg":""}`, token.ReasonUnsupported},
		"alg in lower case":            {`{"alg":"es256"}`, token.ReasonUnsupported},
		"alg nobody knows":             {`{"alg":"ML-DSA-44"}`, token.ReasonUnsupported},
		"alg of encryption":            {`{"alg":"RSA-OAEP"}`, token.ReasonUnsupported},
		"alg of another curve":         {`{"alg":"ES384","kid":"` + b.key.ID() + `"}`, token.ReasonUnsupported},
		"alg of a secret":              {`{"alg":"HS256","kid":"` + b.key.ID() + `"}`, token.ReasonUnsupported},
		"alg that no key is for":       {`{"alg":"RS256"}`, token.ReasonUnsupported},
		"alg that no key is for, kid":  {`{"alg":"RS256","kid":"x"}`, token.ReasonUnsupported},
		"kid null":                     {`{"alg":"ES256","kid":null}`, token.ReasonMalformed},
		"kid a number":                 {`{"alg":"ES256","kid":7}`, token.ReasonMalformed},
		"kid empty":                    {`{"alg":"ES256","kid":""}`, ""},
		"kid a path":                   {`{"alg":"ES256","kid":"../../dev/null"}`, token.ReasonKeyUnknown},
		"kid in another case":          {`{"alg":"ES256","kid":"` + strings.ToUpper(b.key.ID()) + `x"}`, token.ReasonKeyUnknown},
		"typ null":                     {`{` + b.members + `,"typ":null}`, token.ReasonMalformed},
		"typ a list":                   {`{` + b.members + `,"typ":["JWT"]}`, token.ReasonMalformed},
		"crit":                         {`{` + b.members + `,"crit":["x"],"x":1}`, token.ReasonUnsupported},
		"crit empty":                   {`{` + b.members + `,"crit":[]}`, token.ReasonUnsupported},
		"crit null":                    {`{` + b.members + `,"crit":null}`, token.ReasonUnsupported},
		"crit a string":                {`{` + b.members + `,"crit":"exp"}`, token.ReasonUnsupported},
		"crit of what is known":        {`{` + b.members + `,"crit":["exp","alg"]}`, token.ReasonUnsupported},
		"b64 false":                    {`{` + b.members + `,"b64":false}`, token.ReasonUnsupported},
		"b64 true":                     {`{` + b.members + `,"b64":true}`, token.ReasonUnsupported},
		"b64 and crit":                 {`{` + b.members + `,"b64":false,"crit":["b64"]}`, token.ReasonUnsupported},
		"zip":                          {`{` + b.members + `,"zip":"DEF"}`, token.ReasonUnsupported},
		"enc":                          {`{` + b.members + `,"enc":"A128GCM"}`, token.ReasonUnsupported},
		"key brought along is ignored": {`{` + b.members + `,"jku":"https://evil.test","jwk":{"kty":"oct","k":"AA"},"x5u":"https://evil.test","x5c":["AA"]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantReason(t, b.verifier, b.key.Sign(test.header, `{`+b.claims+`}`), test.want)
		})
	}
}

// TestPayloadsByHand has payloads that no library would write, each with a
// signature that holds.
func TestPayloadsByHand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	withoutExp := b.claims[:strings.LastIndex(b.claims, `,"exp"`)]
	exp := func(value string) string { return `{` + withoutExp + `,"exp":` + value + `}` }
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + `1` + strings.Repeat("}", n) }
	for name, test := range map[string]struct {
		payload string
		want    token.Reason
	}{
		"plain":                       {`{` + b.claims + `}`, ""},
		"null":                        {`null`, token.ReasonMalformed},
		"empty":                       {``, token.ReasonMalformed},
		"array":                       {`[]`, token.ReasonMalformed},
		"trailing data":               {`{` + b.claims + `} x`, token.ReasonMalformed},
		"truncated":                   {`{` + b.claims, token.ReasonMalformed},
		"sub twice":                   {`{` + b.claims + `,"sub":"admin"}`, token.ReasonMalformed},
		"sub twice, once escaped":     {`{` + b.claims + `,"s\u0075b":"admin"}`, token.ReasonMalformed},
		"twice deep inside":           {`{` + b.claims + `,"x":[{"y":1,"y":2}]}`, token.ReasonMalformed},
		"invalid UTF-8":               {"{" + b.claims + ",\"x\":\"\xc3\x28\"}", token.ReasonMalformed},
		"invalid UTF-8 in a name":     {"{" + b.claims + ",\"\xff\":1}", token.ReasonMalformed},
		"lone surrogate":              {`{` + b.claims + `,"x":"\udc00"}`, token.ReasonMalformed},
		"case variants are ignored":   {`{` + b.claims + `,"SUB":"admin","Exp":1,"aUd":"x","\u0131ss":"x"}`, ""},
		"nesting at the limit":        {`{` + b.claims + `,"x":` + deep(15) + `}`, ""},
		"nesting over the limit":      {`{` + b.claims + `,"x":` + deep(16) + `}`, token.ReasonMalformed},
		"many siblings":               {`{` + b.claims + `,"x":[{}` + strings.Repeat(`,[],{"a":[]}`, 50) + `]}`, ""},
		"brackets inside of a string": {`{` + b.claims + `,"x":"` + strings.Repeat(`[\"{`, 40) + `"}`, ""},
		"nesting without an end":      {`{"x":` + strings.Repeat(`[`, 10000), token.ReasonMalformed},

		"exp a string":           {exp(`"9999999999"`), token.ReasonClaimsInvalid},
		"exp null":               {exp(`null`), token.ReasonClaimsInvalid},
		"exp true":               {exp(`true`), token.ReasonClaimsInvalid},
		"exp a list":             {exp(`[9999999999]`), token.ReasonClaimsInvalid},
		"exp negative":           {exp(`-1`), token.ReasonClaimsInvalid},
		"exp zero":               {exp(`0`), token.ReasonExpired},
		"exp past the year 9999": {exp(`253402300800`), token.ReasonClaimsInvalid},
		"exp at the year 9999":   {exp(`253402300799`), ""},
		"exp with a fraction":    {exp(`9999999999.5`), ""},
		"exp with an exponent":   {exp(`9.999e9`), ""},
		"exp beyond int64":       {exp(`9223372036854775808`), token.ReasonClaimsInvalid},
		"exp beyond float64":     {exp(`1e999`), token.ReasonClaimsInvalid},
		"exp of 1000 digits":     {exp(strings.Repeat("9", 1000)), token.ReasonClaimsInvalid},
		"exp not a number":       {exp(`NaN`), token.ReasonMalformed},
		"exp with leading zero":  {exp(`09999999999`), token.ReasonMalformed},
		"nbf a string":           {`{` + b.claims + `,"nbf":"1"}`, token.ReasonClaimsInvalid},
		"nbf null":               {`{` + b.claims + `,"nbf":null}`, token.ReasonClaimsInvalid},
		"nbf zero":               {`{` + b.claims + `,"nbf":0}`, ""},
		"nbf tiny":               {`{` + b.claims + `,"nbf":1e-400}`, ""},
		"iat negative":           {`{` + b.claims + `,"iat":-0.5}`, token.ReasonClaimsInvalid},
		"iat null":               {`{` + b.claims + `,"iat":null}`, token.ReasonClaimsInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantReason(t, b.verifier, b.key.Sign(`{`+b.members+`}`, test.payload), test.want)
		})
	}
}

// TestShapes has texts that are no JWS in canonical compact form.
func TestShapes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	good := b.key.Sign(`{`+b.members+`}`, `{`+b.claims+`}`)
	first, last := strings.IndexByte(good, '.'), strings.LastIndexByte(good, '.')
	for name, test := range map[string]struct {
		raw  string
		want token.Reason
	}{
		"as it should be":             {good, ""},
		"empty":                       {"", token.ReasonMalformed},
		"one segment":                 {good[:first], token.ReasonMalformed},
		"two segments":                {good[:last], token.ReasonMalformed},
		"four segments":               {good + ".", token.ReasonMalformed},
		"five segments (encrypted)":   {good + ".AA.AA", token.ReasonMalformed},
		"dots only":                   {"..", token.ReasonMalformed},
		"with the scheme":             {"Bearer " + good, token.ReasonMalformed},
		"trailing space":              {good + " ", token.ReasonMalformed},
		"leading space":               {" " + good, token.ReasonMalformed},
		"line break in the signature": {good + "\n", token.ReasonMalformed},
		"line break in the payload":   {good[:last] + "\r\n" + good[last:], token.ReasonMalformed},
		"line break in the header":    {good[:4] + "\n" + good[4:], token.ReasonMalformed},
		"lone CR in the header":       {good[:4] + "\r" + good[4:], token.ReasonMalformed},
		"lone CR in the payload":      {good[:last] + "\r" + good[last:], token.ReasonMalformed},
		"lone CR in the signature":    {good + "\r", token.ReasonMalformed},
		"padding":                     {good + "==", token.ReasonMalformed},
		"base64 of the other alphabet": {
			jwttest.Encode(`{"alg":"ES256","x":"???>>>"}`, "{}", nil)[:20] + "+/" + good[first:], token.ReasonMalformed,
		},
		"trailing bits of the signature": {flipTrailingBits(good), token.ReasonMalformed},
		"trailing bits of the header":    {flipTrailingBits(b.headerWithSpareBits()) + ".e30.AA", token.ReasonMalformed},
		"one character too many":         {good + "AAA", token.ReasonMalformed},
		"one byte too many":              {good + "A", token.ReasonSignatureInvalid},
		"NUL":                            {good + "\x00", token.ReasonMalformed},
		"JSON serialization":             {`{"payload":"e30","signatures":[]}`, token.ReasonMalformed},
		"alg none without a signature":   {jwttest.Encode(`{"alg":"none"}`, `{`+b.claims+`}`, nil), token.ReasonUnsupported},
		"nothing but a header":           {jwttest.Encode(`{`+b.members+`}`, "", nil), token.ReasonSignatureInvalid},
		"over the size limit":            {good + strings.Repeat("A", token.DefaultMaxSize), token.ReasonTooLarge},
		"a mebibyte":                     {strings.Repeat("a.", 1<<19), token.ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantReason(t, b.verifier, test.raw, test.want)
		})
	}
}

// headerWithSpareBits returns an encoded header whose last character has bits
// that carry nothing.
func (b *bench) headerWithSpareBits() string {
	header := `{` + b.members + `}`
	for len(header)%3 == 0 {
		header += " "
	}
	return base64.RawURLEncoding.EncodeToString([]byte(header))
}

// flipTrailingBits changes the bits of the last character that carry nothing:
// a lenient decoder sees no difference.
func flipTrailingBits(encoded string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	at := strings.IndexByte(alphabet, encoded[len(encoded)-1])
	return encoded[:len(encoded)-1] + string(alphabet[at^1])
}

func TestSizeLimitIsExact(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	good := b.key.Sign(`{`+b.members+`}`, `{`+b.claims+`}`)
	issuer := newIssuer(t)
	verifier := trusting(t, issuer, token.MaxSize(len(good)))
	if verifier.MaxSize() != len(good) {
		t.Errorf("MaxSize() = %d", verifier.MaxSize())
	}
	if _, err := verifier.Verify(t.Context(), good); token.ReasonOf(err) == token.ReasonTooLarge {
		t.Error("a token at the limit is too large")
	}
	wantReason(t, verifier, good+"A", token.ReasonTooLarge)
}

// TestConfusedKeys has the classic attack: a public key, which everyone has,
// used as the secret of an HMAC.
func TestConfusedKeys(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t, jwttest.WithAlgorithms(keyset.RS256))
	public := issuer.Key(keyset.RS256)
	verifier := trusting(t, issuer)
	for name, secret := range map[string][]byte{"PEM": public.PEM(), "JWK": public.JWK(), "empty": nil} {
		key := jwttest.NewSecret(t, keyset.HS256, secret).WithID(public.ID())
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantReason(t, verifier, issuer.Token(jwttest.SignedBy(key)), token.ReasonUnsupported)
		})
	}
	t.Run("PS256 with a key for RS256", func(t *testing.T) {
		t.Parallel()
		ps256 := issuer.Token(jwttest.Header("alg", "PS256"))
		wantReason(t, verifier, ps256, token.ReasonUnsupported)
	})
}
