package revocation_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

const idp = "https://id.example.com"

// alice is a user.
func alice() token.Principal { return token.Principal{Issuer: idp, Subject: "alice"} }

func TestTheJSONOfAnEntry(t *testing.T) {
	t.Parallel()
	at, hash := time.Unix(1_800_000_000, 0), strings.Repeat("A", 43)
	var hashed revocation.Entry
	if err := json.Unmarshal([]byte(`{"iss":"`+idp+`","hash":"`+hash+`"}`), &hashed); err != nil {
		t.Fatal(err)
	}
	for want, entry := range map[string]revocation.Entry{
		`{"iss":"https://id.example.com","jti":"t","exp":1800000001,"at":1800000000}`:        revocation.TokenID(idp, "t", at.Add(1)).At(at),
		`{"iss":"https://id.example.com","jti":"t"}`:                                         revocation.TokenID(idp, "t", time.Time{}),
		`{"iss":"https://id.example.com","sid":"s","at":1800000000}`:                         revocation.Session(idp, "s").At(at),
		`{"iss":"https://id.example.com","sub":"alice","before":1800000000,"at":1800000000}`: revocation.Principal(alice(), at.Add(time.Second-1)).At(at),
		`{"iss":"https://id.example.com","all":true,"before":1800000000}`:                    revocation.Issuer(idp, at),
		`{"iss":"https://id.example.com","hash":"` + hash + `"}`:                             hashed,
	} {
		got, err := json.Marshal(entry)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		var back revocation.Entry
		if err := json.Unmarshal(got, &back); err != nil || back != entry {
			t.Errorf("%s became %v, %v", got, back, err)
		}
	}
}

func TestWhatIsNoEntry(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 1025)
	for name, text := range map[string]string{
		"nothing":                  `{}`,
		"null":                     `null`,
		"a list":                   `[]`,
		"no issuer":                `{"sid":"s"}`,
		"an issuer alone":          `{"iss":"i","before":1}`, // else a misspelt "sub" would log out everybody
		"a misspelt name":          `{"iss":"i","Sub":"alice","before":1}`,
		"not all":                  `{"iss":"i","all":false,"before":1}`,
		"two things":               `{"iss":"i","sid":"s","jti":"t"}`,
		"one and all":              `{"iss":"i","sid":"s","all":true,"before":1}`,
		"an empty session":         `{"iss":"i","sid":""}`,
		"null for a session":       `{"iss":"i","sid":null}`,
		"a number for a session":   `{"iss":"i","sid":7}`,
		"a member twice":           `{"iss":"i","sid":"s","sid":"s"}`,
		"something behind":         `{"iss":"i","sid":"s"}{}`,
		"a user without time":      `{"iss":"i","sub":"alice"}`,
		"an issuer without time":   `{"iss":"i","all":true}`,
		"a session with a time":    `{"iss":"i","sid":"s","before":1}`,
		"before 1970":              `{"iss":"i","sub":"alice","before":-1}`,
		"after 9999":               `{"iss":"i","sub":"alice","before":253402300800}`,
		"a time as a string":       `{"iss":"i","sub":"alice","before":"1"}`,
		"made before 1970":         `{"iss":"i","sid":"s","at":-1}`,
		"expired after 9999":       `{"iss":"i","jti":"t","exp":1e300}`,
		"a hash that is too short": `{"iss":"i","hash":"AAAA"}`,
		"a hash with loose bits":   `{"iss":"i","hash":"` + strings.Repeat("A", 42) + `B"}`,
		"a hash in other letters":  `{"iss":"i","hash":"` + strings.Repeat("+", 43) + `"}`,
		"an endless session":       `{"iss":"i","sid":"` + long + `"}`,
		"an endless issuer":        `{"iss":"` + long + `","sid":"s"}`,
		"bad UTF-8":                "{\"iss\":\"i\",\"sid\":\"\xff\"}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entry := revocation.Session(idp, "as it was")
			if err := entry.UnmarshalJSON([]byte(text)); err == nil {
				t.Errorf("it is %s", entry)
			}
			if entry != revocation.Session(idp, "as it was") {
				t.Errorf("it was changed to %s", entry)
			}
		})
	}
}

func TestMembersToComeAreIgnoredAndFractionsCutOff(t *testing.T) {
	t.Parallel()
	var entry revocation.Entry
	err := json.Unmarshal([]byte(`{"why":{"by":"support"},"iss":"https://id.example.com","sub":"alice","before":1800000000.9}`), &entry)
	if err != nil || entry != revocation.Principal(alice(), time.Unix(1_800_000_000, 0)) {
		t.Errorf("got %s, %v", entry, err)
	}
	err = json.Unmarshal([]byte(`{"iss":"https://id.example.com","jti":"t","exp":1800000000.1,"at":1700000000.9}`), &entry)
	if err != nil || entry != revocation.TokenID(idp, "t", time.Unix(1_800_000_001, 0)).At(time.Unix(1_700_000_000, 0)) {
		t.Errorf("got %s, %v", entry, err)
	}
}

func TestAnEntryThatSaysNothingHasNoJSON(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]revocation.Entry{
		"the zero entry":         {},
		"no session":             revocation.Session(idp, ""),
		"no issuer":              revocation.Session("", "s"),
		"no time":                revocation.Principal(alice(), time.Time{}),
		"made at no time":        revocation.Session(idp, "s").At(time.Time{}),
		"a time out of range":    revocation.Issuer(idp, time.Unix(253402300800, 0)),
		"a token without name":   revocation.TokenID(idp, "", time.Now()),
		"a session not in UTF-8": revocation.Session(idp, "\xff"),
		"an issuer not in UTF-8": revocation.Issuer("\xff", time.Now()),
	} {
		if text, err := json.Marshal(entry); err == nil || entry.Check() == nil {
			t.Errorf("%s is %s", name, text)
		}
	}
}

func TestAnEntryReadsWell(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_800_000_000, 0)
	w := newWorld(t)
	for want, entry := range map[string]revocation.Entry{
		`nothing`:                                 {},
		`token "t" of "https://id.example.com"`:   revocation.TokenID(idp, "t", at),
		`session "s" of "https://id.example.com"`: revocation.Session(idp, "s"),
		`tokens of "alice" of "https://id.example.com" issued before 2027-01-15T08:00:00Z`: revocation.Principal(alice(), at),
		`all tokens of "https://id.example.com" issued before 2027-01-15T08:00:00Z`:        revocation.Issuer(idp, at),
	} {
		if entry.String() != want || entry.LogValue().String() != want {
			t.Errorf("got %s, want %s", entry, want)
		}
	}
	hashed := w.token(jwttest.Without("jti"))
	if text := fmt.Sprint(revocation.Token(hashed)); !strings.HasPrefix(text, "token of ") || strings.Contains(text, hashed.Raw()) {
		t.Error(text)
	}
	if made := revocation.Session(idp, "s").At(at).Made(); !made.Equal(at) {
		t.Errorf("made at %v", made)
	}
	if made := revocation.Session(idp, "s").Made(); !made.IsZero() {
		t.Errorf("made at %v", made)
	}
}

// FuzzEntry: what is read can be written, and is then read as the same.
func FuzzEntry(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"i","sid":"s"}`, `{"iss":"i","jti":"t","exp":1,"at":2}`, `{"iss":"i","sub":"a","before":1.5}`,
		`{"iss":"i","all":true,"before":3}`, `{"iss":"i","hash":"` + strings.Repeat("A", 43) + `"}`, `{"iss":"i"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var entry, again revocation.Entry
		if err := entry.UnmarshalJSON(data); err != nil {
			return
		}
		text, err := entry.MarshalJSON()
		if err != nil {
			t.Fatalf("%q can't be written: %v", data, err)
		}
		if err := again.UnmarshalJSON(text); err != nil || again != entry {
			t.Errorf("%q became %s, then %v, %v", data, text, again, err)
		}
	})
}
