package interceptor_test

import (
	"testing"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
)

// nested returns claims in which the given names, from the outside in, lead to
// value.
func nested(names []string, value any) (name string, claim any) {
	claim = value
	for i := len(names) - 1; i > 0; i-- {
		claim = map[string]any{names[i]: claim}
	}
	return names[0], claim
}

// TestClaimPath has paths, and the names that they are made of.
func TestClaimPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, names := range map[string][]string{
		"tenant":                              {"tenant"},
		"realm_access.roles":                  {"realm_access", "roles"},
		"a.b.c.d":                             {"a", "b", "c", "d"},
		"a-b_c.D9":                            {"a-b_c", "D9"},
		"0":                                   {"0"},
		"-._":                                 {"-", "_"},
		`"https://acme.example/app".roles`:    {"https://acme.example/app", "roles"},
		`app."is.admin"`:                      {"app", "is.admin"},
		`"a.b"."c.d"`:                         {"a.b", "c.d"},
		`"plain"`:                             {"plain"},
		`"with space".x`:                      {"with space", "x"},
		`"größe"."日本"`:                        {"größe", "日本"},
		`"a\b"`:                               {`a\b`},
		`" "`:                                 {" "},
		`"."`:                                 {"."},
		`"*"`:                                 {"*"},
		`resource_access."my-app/v1".roles`:   {"resource_access", "my-app/v1", "roles"},
		`"urn:zitadel:iam:org:project:roles"`: {"urn:zitadel:iam:org:project:roles"},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			server := w.server(t, asking(interceptor.Claim(path, "yes")))
			wantAnswer(t, server, "/a.B/C", w.issuer.Token(jwttest.Claim(nested(names, "yes"))), "")
			wantAnswer(t, server, "/a.B/C", w.issuer.Token(jwttest.Claim(nested(names, "no"))), interceptor.ReasonClaimRequired)
			wantAnswer(t, server, "/a.B/C", w.issuer.Token(), interceptor.ReasonClaimRequired)
			if len(names) > 1 { // the path is no name, and half of it is none
				wantAnswer(t, server, "/a.B/C", w.issuer.Token(jwttest.Claim(path, "yes")), interceptor.ReasonClaimRequired)
				wantAnswer(t, server, "/a.B/C", w.issuer.Token(jwttest.Claim(names[0], "yes")), interceptor.ReasonClaimRequired)
			}
			deeper := append(names[:len(names):len(names)], "x")
			wantAnswer(t, server, "/a.B/C", w.issuer.Token(jwttest.Claim(nested(deeper, "yes"))), interceptor.ReasonClaimRequired)
		})
	}
}

func TestClaimPathMistakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const empty, open = "a name is empty", "a quote is not closed"
	for path, says := range map[string]string{
		"":                  empty,
		".":                 empty,
		"..":                empty,
		"tenant.":           empty,
		".tenant":           empty,
		"a..b":              empty,
		`""`:                empty,
		`a.""`:              empty,
		`"".a`:              empty,
		`"a".`:              empty,
		`"`:                 open,
		`"tenant`:           open,
		`a."b`:              open,
		`a."b".c."`:         open,
		`a."b"c`:            `no dot before "c"`,
		`"a""b"`:            `no dot before "\"b\""`,
		`"a" .b`:            `no dot before " .b"`,
		`a"b"`:              `"\"" may not stand`,
		`a"`:                `"\"" may not stand`,
		"a b":               `" " may not stand`,
		" a":                `" " may not stand`,
		"a ":                `" " may not stand`,
		"a. b":              `" " may not stand`,
		"a\tb":              `"\t" may not stand`,
		"\"line\nbreak\"":   "has a control character",
		"größe":             `"ö" may not stand`,
		"日本":                `"日" may not stand`,
		"a/b":               `"/" may not stand`,
		"https://a.test/x":  `":" may not stand`,
		"roles[0]":          "without an index",
		"roles.*":           `"*" may not stand`,
		"$.tenant":          `"$" may not stand`,
		"a\x00":             `"\x00" may not stand`,
		"\xff":              "may not stand",
		`\"a\"`:             `"\\" may not stand`,
		`'https://a'.roles`: `"'" may not stand`,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			wantMistake(t, w, asking(interceptor.Claim(path, "x")), "claim path ", says)
		})
	}
}
