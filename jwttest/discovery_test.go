package jwttest_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
)

func TestDiscoveryCanLie(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		member string
		value  any
		want   string // the member as JSON, "" if it is not there
	}{
		{"another issuer", "issuer", "https://evil.example", `"https://evil.example"`},
		{"other keys", "jwks_uri", "https://evil.example/jwks.json", `"https://evil.example/jwks.json"`},
		{"a member more", "mtls_endpoint_aliases", map[string]any{"token_endpoint": 1}, `{"token_endpoint":1}`},
		{"a member of the wrong type", "jwks_uri", []int{1}, `[1]`},
		{"a member in JSON", "issuer", json.RawMessage(`{"a": "b"}`), `{"a":"b"}`},
		{"a null", "issuer", json.RawMessage("null"), "null"},
		{"a member less", "jwks_uri", nil, ""},
		{"a member less that never was", "x", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
				before := mustGet(t, client, issuer.DiscoveryURL())
				issuer.SetDiscovery(test.member, "something else before")
				issuer.SetDiscovery(test.member, test.value)
				got := mustGet(t, client, issuer.DiscoveryURL())
				var members map[string]json.RawMessage
				if err := json.Unmarshal([]byte(got.body), &members); err != nil {
					t.Fatal(err)
				}
				if text, ok := members[test.member]; string(text) != test.want || ok != (test.want != "") {
					t.Errorf("the document is %s", got.body)
				}
				if changed := got.body != before.body; changed != (got.header.Get("ETag") != before.header.Get("ETag")) {
					t.Errorf("ETags are %s and %s", before.header.Get("ETag"), got.header.Get("ETag"))
				}
				if iss := claimsOf(t, issuer.Token())["iss"]; iss != issuer.URL() {
					t.Errorf("iss is %v", iss)
				}
			})
		})
	}
}

func TestKeysThatMove(t *testing.T) {
	t.Parallel()
	const first = "/jwks.json"
	for _, test := range []struct {
		name  string
		moves []string
		gone  []string
	}{
		{"once", []string{"/keys"}, []string{first}},
		{"twice", []string{"/keys", "/oauth/discovery/keys"}, []string{first, "/keys"}},
		{"and back", []string{"/keys", first}, []string{"/keys"}},
		{"deeper", []string{"/v2/jwks.json"}, []string{first}},
		{"up again", []string{"/v2/jwks.json", first}, []string{"/v2/jwks.json"}},
		{"to where they are", []string{first}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
				old := issuer.JWKSURL()
				base := old[:len(old)-len(first)]
				for _, path := range test.moves {
					issuer.MoveJWKS(path)
				}
				want := base + test.moves[len(test.moves)-1]
				if d := discover(t, client, issuer.DiscoveryURL()); d.JWKS != want || issuer.JWKSURL() != want {
					t.Errorf("keys are at %s and %s, want %s", d.JWKS, issuer.JWKSURL(), want)
				}
				for _, prefix := range []string{"", "/tenant"} {
					url := base + prefix + test.moves[len(test.moves)-1]
					if got := mustGet(t, client, url); got.body != string(issuer.JWKS()) {
						t.Errorf("%s: status %d", url, got.status)
					}
				}
				for _, path := range test.gone {
					if got := mustGet(t, client, base+path); got.status != http.StatusNotFound {
						t.Errorf("%s: status %d", path, got.status)
					}
				}
				if n := issuer.Answered(http.StatusNotFound, jwttest.JWKS); n != len(test.gone) {
					t.Errorf("%d answers of 404", n)
				}
			})
		})
	}
}

func TestFaultsMoveWithTheKeys(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
		old := issuer.JWKSURL()
		issuer.Fail(http.StatusBadGateway)
		issuer.MoveJWKS("/keys")
		for url, want := range map[string]int{old: http.StatusNotFound, issuer.JWKSURL(): http.StatusBadGateway} {
			if got := mustGet(t, client, url); got.status != want {
				t.Errorf("%s: status %d", url, got.status)
			}
		}
	})
}
