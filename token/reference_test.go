package token

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The reference reads claims and headers the plain way: the JSON module fills a
// struct, whose fields refuse what doesn't fit. What this package does by hand must
// come to the same verdict and the same values.
type (
	referenceClaims struct {
		Issuer          referenceText  `json:"iss"`
		Subject         referenceText  `json:"sub"`
		Audience        referenceTexts `json:"aud"`
		Expires         referenceDate  `json:"exp"`
		NotBefore       referenceDate  `json:"nbf"`
		IssuedAt        referenceDate  `json:"iat"`
		ID              referenceText  `json:"jti"`
		Session         referenceText  `json:"sid"`
		Scope           referenceWords `json:"scope"`
		SCP             referenceWords `json:"scp"`
		ClientID        jsontext.Value `json:"client_id"`
		AuthorizedParty jsontext.Value `json:"azp"`
		AccessTokenHash jsontext.Value `json:"at_hash"`
		CodeHash        jsontext.Value `json:"c_hash"`
		Events          jsontext.Value `json:"events"`
		Type            jsontext.Value `json:"typ"`
		Use             jsontext.Value `json:"token_use"`
		Confirmation    jsontext.Value `json:"cnf"`
	}
	referenceHeader struct {
		Algorithm  referenceOptional `json:"alg"`
		KeyID      referenceText     `json:"kid"`
		Type       referenceOptional `json:"typ"`
		Critical   jsontext.Value    `json:"crit"`
		Base64     jsontext.Value    `json:"b64"`
		Zip        jsontext.Value    `json:"zip"`
		Encryption jsontext.Value    `json:"enc"`
	}
	referenceText  string
	referenceTexts []string
	referenceWords []string
	referenceDate  struct{ time.Time }

	referenceOptional struct{ optionalText }
)

func (t *referenceText) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	value, err := decoder.ReadValue() // as a whole: what is no JSON is malformed, whatever it was to mean
	if err != nil {
		return err
	}
	if value.Kind() != jsontext.KindString {
		return errors.New("not a string")
	}
	return json.Unmarshal(value, (*string)(t))
}

func (t *referenceTexts) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	if decoder.PeekKind() != jsontext.KindBeginArray {
		var one referenceText
		if err := one.UnmarshalJSONFrom(decoder); err != nil {
			return err
		}
		*t = referenceTexts{string(one)}
		return nil
	}
	value, err := decoder.ReadValue()
	if err != nil {
		return err
	}
	var list []referenceText
	if err := json.Unmarshal(value, &list); err != nil {
		return err
	}
	*t = referenceTexts{}
	for _, s := range list {
		*t = append(*t, string(s))
	}
	return nil
}

func (w *referenceWords) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	listed := decoder.PeekKind() == jsontext.KindBeginArray
	if err := (*referenceTexts)(w).UnmarshalJSONFrom(decoder); err != nil || listed {
		return err
	}
	words := referenceWords{}
	for _, word := range strings.Split((*w)[0], " ") {
		if word != "" {
			words = append(words, word)
		}
	}
	*w = words
	return nil
}

func (d *referenceDate) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	value, err := decoder.ReadValue()
	if err != nil {
		return err
	}
	if value.Kind() != jsontext.KindNumber {
		return errors.New("not a number")
	}
	d.Time, err = parseDate(string(value))
	return err
}

func (o *referenceOptional) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	o.given = true
	return (*referenceText)(&o.value).UnmarshalJSONFrom(decoder)
}

// statement returns the same claims in the form of this package.
func (c *referenceClaims) statement() *statement {
	return &statement{
		claims: claims{
			Issuer: string(c.Issuer), Subject: string(c.Subject), Audience: c.Audience,
			Expires: c.Expires.Time, NotBefore: c.NotBefore.Time, IssuedAt: c.IssuedAt.Time,
			ID: string(c.ID), Session: string(c.Session), Scope: c.Scope, SCP: c.SCP,
		},
		marks: marks{
			ClientID: optional(c.ClientID), AuthorizedParty: optional(c.AuthorizedParty),
			IDHash: c.AccessTokenHash != nil || c.CodeHash != nil, Events: c.Events != nil,
			Type: optional(c.Type), Use: optional(c.Use), Confirmation: c.Confirmation != nil,
		},
	}
}

func (h *referenceHeader) header() header {
	return header{
		Algorithm: h.Algorithm.optionalText, KeyID: string(h.KeyID), Type: h.Type.optionalText,
		extended: h.Critical != nil || h.Base64 != nil || h.Zip != nil || h.Encryption != nil,
	}
}

func optional(value jsontext.Value) optionalText {
	text, _ := jsontext.AppendUnquote(nil, value)
	return optionalText{value: string(text), given: value != nil}
}

// nestedAsDeep is nestedDeeper in other words.
func nestedAsDeep(data []byte, depth int) bool {
	open, inString, escaped := 0, false, false
	for _, c := range data {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped, inString = c == '\\', c != '"'
		case c == '"':
			inString = true
		case strings.IndexByte("{[", c) >= 0:
			if open++; open > depth {
				return true
			}
		case strings.IndexByte("}]", c) >= 0:
			open--
		}
	}
	return false
}

// refer decodes data into v, and returns the reason to refuse it.
func refer(data []byte, depth int, v any, otherwise Reason) Reason {
	if jsontext.Value(data).Kind() != jsontext.KindBeginObject || nestedAsDeep(data, depth) {
		return ReasonMalformed
	}
	err := json.Unmarshal(data, v)
	var syntax *jsontext.SyntacticError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &syntax):
		return ReasonMalformed
	default:
		return otherwise
	}
}

// checkClaimsAsReferred checks that a payload is read as the reference reads it,
// and the issuer alone.
func checkClaimsAsReferred(t *testing.T, payload string) {
	t.Helper()
	var reference referenceClaims
	want := refer([]byte(payload), maxClaimsDepth, &reference, ReasonClaimsInvalid)
	got, err := parseClaims([]byte(payload))
	if reasonOf(err) != want {
		t.Fatalf("%q: reason %q, the reference has %q", payload, reasonOf(err), want)
	}
	if err == nil && !reflect.DeepEqual(got, reference.statement()) {
		t.Fatalf("%q reads as\n%+v, by the reference as\n%+v", payload, got, reference.statement())
	}
	var issuer struct {
		Issuer referenceText `json:"iss"`
	}
	want = refer([]byte(payload), maxClaimsDepth, &issuer, ReasonClaimsInvalid)
	var alone issuerClaim
	var reason Reason
	if err := readObject([]byte(payload), maxClaimsDepth, &alone); err != nil {
		reason = unfit(err, ReasonClaimsInvalid, "claims").Reason()
	}
	if reason != want || reason == "" && alone.Issuer != string(issuer.Issuer) {
		t.Fatalf("%q: issuer %q with reason %q, by the reference %q with %q", payload, alone.Issuer, reason, issuer.Issuer, want)
	}
}

// checkHeaderAsReferred does so for a header.
func checkHeaderAsReferred(t *testing.T, data string) {
	t.Helper()
	var reference referenceHeader
	want := refer([]byte(data), maxHeaderDepth, &reference, ReasonMalformed)
	var got header
	var reason Reason
	if err := readObject([]byte(data), maxHeaderDepth, &got); err != nil {
		reason = unfit(err, ReasonMalformed, "header").Reason()
	}
	if reason != want || reason == "" && got != reference.header() {
		t.Fatalf("%q: %+v with reason %q, by the reference %+v with %q", data, got, reason, reference.header(), want)
	}
}

func reasonOf(err *Error) Reason {
	if err == nil {
		return ""
	}
	return err.Reason()
}

// oddities are objects that readers disagree on, and plain ones.
func oddities() []string {
	all := []string{
		``, `null`, `[]`, `{}`, ` {} `, `{}{}`, `{} x`, `{`, `}`, `{"iss"`, `{"iss":`, `{"iss":"i"`, `{"iss":"i",`, `{"iss":"i",}`,
		`{"iss":"i" "sub":"s"}`, `{,"iss":"i"}`, `{iss:"i"}`, `{1:2}`, `{"iss":]}`, `{"aud":[}`, `{"aud":["a"}`, `{"aud":["a",]}`,
		`{"iss":"i","iss":"i"}`, `{"iss":"i","\u0069ss":"j"}`, `{"x":1,"x":1}`, `{"x":{"y":1,"y":1}}`, `{"":1,"":2}`, `{"":""}`,
		`{"exp":"1","x":{"y":1,"y":1}}`, `{"x":[1,{"a":1,"a":2}],"exp":"1"}`, "{\"iss\":\"\xff\"}", `{"iss":"\ud800"}`, `{"iss":"\ud83d\ude00\n\u0000"}`,
		"{\"iss\":\"a\nb\"}", "{\"iss\":\"\x00\"}", "{\"iss\":\"\x7f\u00e9\u2028\"}", "\ufeff{}", `{"iss":"i"}/**/`, "{\t\"iss\" :\r\n\"i\" , \"sub\" : \"s\" }\n",
		`{"\u0065xp":5,"a\/ud":1}`, `{"alg":"A","kid":"k","typ":"JWT"}`, `{"alg":"","typ":"","crit":null}`, `{"b64":0,"zip":[],"enc":{}}`,
		`{"x":` + strings.Repeat("[", 3) + strings.Repeat("]", 3) + `}`, `{"x":` + strings.Repeat("[", 15) + strings.Repeat("]", 15) + `}`,
		`{"x":` + strings.Repeat(`{"y":`, 16) + `1` + strings.Repeat("}", 16) + `}`, `{"x":"` + strings.Repeat(`[\"{`, 20) + `"}`,
		`{"x":[` + strings.Repeat(`{},`, 20) + `[]]}`,
	}
	names := []string{
		"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "scope", "scp", "client_id", "azp", "at_hash", "c_hash",
		"events", "typ", "token_use", "cnf", "alg", "kid", "crit", "b64", "zip", "enc", "other", "ISS", "is", "issu",
	}
	values := []string{
		`"text"`, `""`, `"two words"`, `" a  b "`, `"\u0061\"\\"`, `"é"`, `null`, `true`, `false`, `0`, `-0`, `1`, `-1`, `01`, `1.5`, `1e3`, `1E400`,
		`253402300799`, `253402300800`, `99999999999999999999`, `1.`, `.5`, `+1`, `1e`, `[]`, `["a"]`, `["a","b b",""]`, `["a",1]`, `["a",null]`, `[["a"]]`, `[ "a" , "b" ]`,
		`{}`, `{"a":1}`, `[1`, `tru`, `nullx`, `"open`, `'a'`,
	}
	for _, name := range names {
		for _, value := range values {
			all = append(all, fmt.Sprintf(`{"first":1,%q:%s,"last":"x"}`, name, value), fmt.Sprintf(`{%q:%s}`, name, value))
		}
	}
	return all
}

func TestObjectsAreReadAsTheReferenceReadsThem(t *testing.T) {
	t.Parallel()
	many := new(strings.Builder)
	for i := range 200 {
		fmt.Fprintf(many, `"m%d":%d,`, i, i)
	}
	for _, data := range append(oddities(), `{`+many.String()+`"iss":"i"}`, `{`+many.String()+`"m150":1}`) {
		checkClaimsAsReferred(t, data)
		checkHeaderAsReferred(t, data)
	}
}

// TestWhatIsPlain has what is read by hand, which the rest is only slower than.
func TestWhatIsPlain(t *testing.T) {
	t.Parallel()
	many := func(n int) string {
		members := make([]string, n)
		for i := range members {
			members[i] = fmt.Sprintf(`"m%d":%d`, i, i)
		}
		return `{` + strings.Join(members, ",") + `}`
	}
	for data, want := range map[string]bool{
		`{"alg":"RS256","typ":"at+jwt","kid":"2026-11"}`:                         true,
		`{"iss":"https://id.example.com","aud":["orders","x"],"exp":1790000000}`: true,
		`{"email_verified":true,"a":false,"b":null,"c":0,"d":"{[:,]}"}`:          true,
		many(maxPlain):     true,
		many(maxPlain + 1): false,
		`{"x":"` + strings.Repeat("x", 1<<16) + `"}`: false,
		`{}`:             false,
		`{"a": 1}`:       false,
		`{"a":1.5}`:      false,
		`{"a":-1}`:       false,
		`{"a":{"b":1}}`:  false,
		`{"a":[1]}`:      false,
		`{"a":"\u0061"}`: false,
		`{"a":"é"}`:      false,
		`{"a":1,"a":1}`:  false,
		`{"a":01}`:       false,
		`{"a":1,}`:       false,
		`{"a":1}}`:       false,
		`{"a":1`:         false,
		``:               false,
	} {
		if got := new(plainObject).scan([]byte(data)); got != want {
			t.Errorf("%.80q: plain is %v", data, got)
		}
	}
}

// TestWhatBreaksOffIsNotPlain, wherever it does: whoever reads on past the end of a header
// takes the service down, and needs no key for it.
func TestWhatBreaksOffIsNotPlain(t *testing.T) {
	t.Parallel()
	const whole = `{"a":"b","c":["d","e"],"f":17,"g":0,"h":true,"i":false,"j":null,"k":["l"]}`
	if !new(plainObject).scan([]byte(whole)) {
		t.Fatal("it is not plain")
	}
	for end := range whole {
		data := []byte(whole[:end])
		if new(plainObject).scan(data) {
			t.Errorf("%q is plain", data)
		}
		if err := readObject(data, maxClaimsDepth, new(statement)); err == nil {
			t.Errorf("%q is an object", data)
		}
	}
}

// FuzzReference looks for an object that is read otherwise than by the reference.
func FuzzReference(f *testing.F) {
	for _, data := range oddities() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		checkClaimsAsReferred(t, data)
		checkHeaderAsReferred(t, data)
	})
}

// TestEachByteInAPlainString is plain only where JSON allows it without an escape: in a
// name, in a value and in a list.
func TestEachByteInAPlainString(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		text := "a" + string([]byte{byte(c)}) + "b"
		want := c >= ' ' && c < 0x7f && c != '"' && c != '\\'
		for _, data := range []string{`{"` + text + `":1}`, `{"x":"` + text + `"}`, `{"x":["y","` + text + `"]}`} {
			if got := new(plainObject).scan([]byte(data)); got != want {
				t.Errorf("%q: plain is %v", data, got)
			}
		}
	}
}
