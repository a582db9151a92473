package jwttest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// document is what matters here of a discovery document.
type document struct {
	Issuer     string             `json:"issuer"`
	JWKS       string             `json:"jwks_uri"`
	Algorithms []keyset.Algorithm `json:"id_token_signing_alg_values_supported"`
	Responses  []string           `json:"response_types_supported"`
	Subjects   []string           `json:"subject_types_supported"`
	Authorize  string             `json:"authorization_endpoint"`
}

func discover(t *testing.T, client *http.Client, url string) document {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(mustGet(t, client, url).body), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheJWKSetIsServed(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
		got := mustGet(t, client, issuer.JWKSURL())
		if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("status %d, header %v", got.status, got.header)
		}
		if got.body != string(issuer.JWKS()) || got.length != int64(len(got.body)) {
			t.Errorf("body of %d bytes is %s", got.length, got.body)
		}
		if n := issuer.JWKSRequests(); n != 1 {
			t.Errorf("counted %d requests", n)
		}
	})
}

func TestDiscoveryLeadsToTheJWKSet(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
		d := discover(t, client, issuer.URL()+"/.well-known/openid-configuration")
		if d.Issuer != issuer.URL() || d.JWKS != issuer.JWKSURL() {
			t.Errorf("document is %+v", d)
		}
		if len(d.Algorithms) != 1 || d.Algorithms[0] != keyset.ES256 {
			t.Errorf("algorithms are %v", d.Algorithms)
		}
		if len(d.Responses) == 0 || len(d.Subjects) == 0 || d.Authorize == "" {
			t.Errorf("a required member is missing: %+v", d)
		}
		if got := mustGet(t, client, d.JWKS); got.status != http.StatusOK {
			t.Errorf("status of the JWK Set is %d", got.status)
		}
		if issuer.DiscoveryRequests() != 1 || issuer.JWKSRequests() != 1 {
			t.Errorf("counted %d and %d requests", issuer.DiscoveryRequests(), issuer.JWKSRequests())
		}
	})
}

func TestOtherPathsAreNotFound(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
		if got := mustGet(t, client, issuer.URL()+"/authorize"); got.status != http.StatusNotFound {
			t.Errorf("status %d", got.status)
		}
		if n := issuer.JWKSRequests() + issuer.DiscoveryRequests(); n != 0 {
			t.Errorf("counted %d requests", n)
		}
	})
}

func TestWhereAnIssuerIs(t *testing.T) {
	t.Parallel()
	const fixed = "https://id.example.com/realms/x/"
	for _, test := range []struct {
		name            string
		opts            []jwttest.Option
		url, keysPrefix string
	}{
		{"its server by default", nil, "http://127.0.0.1:", "http://127.0.0.1:"},
		{"a fixed name, a server", []jwttest.Option{jwttest.WithURL(fixed)}, fixed, "http://127.0.0.1:"},
		{"in memory", []jwttest.Option{jwttest.InMemory()}, "https://issuer.test", "https://issuer.test/jwks.json"},
		{"a fixed name, in memory", []jwttest.Option{jwttest.InMemory(), jwttest.WithURL(fixed)}, fixed, "https://id.example.com/realms/x/jwks.json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			issuer := jwttest.NewIssuer(t, test.opts...)
			if got := issuer.URL(); !strings.HasPrefix(got, test.url) {
				t.Errorf("URL is %s", got)
			}
			if got := issuer.JWKSURL(); !strings.HasPrefix(got, test.keysPrefix) {
				t.Errorf("JWKSURL is %s", got)
			}
			if got := claimsOf(t, issuer.Token())["iss"]; got != issuer.URL() {
				t.Errorf("iss is %v", got)
			}
			if d := discover(t, issuer.Client(), issuer.DiscoveryURL()); d.Issuer != issuer.URL() || d.JWKS != issuer.JWKSURL() {
				t.Errorf("document is %+v", d)
			}
		})
	}
}

func TestTheHandlerWorksBelowAnotherServer(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	server := httptest.NewTLSServer(http.StripPrefix("/id", issuer.Handler()))
	t.Cleanup(server.Close)
	if got := mustGet(t, server.Client(), server.URL+"/id/jwks.json"); got.body != string(issuer.JWKS()) {
		t.Errorf("body is %s", got.body)
	}

	unstripped := httptest.NewTLSServer(issuer.Handler())
	t.Cleanup(unstripped.Close)
	base := unstripped.URL + "/tenant"
	if d := discover(t, unstripped.Client(), base+"/.well-known/openid-configuration"); d.JWKS != base+"/jwks.json" {
		t.Errorf("document is %+v", d)
	}
}

func TestAClosedIssuerHasNoServer(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	url := issuer.JWKSURL()
	issuer.Close()
	issuer.Close()
	if got, err := get(t.Context(), &http.Client{}, url); err == nil {
		t.Errorf("status %d", got.status)
	}
}

func TestTheEndOfTheTestClosesTheIssuer(t *testing.T) {
	t.Parallel()
	var address string
	if message := failure(func(tb jwttest.TB) { address = jwttest.NewIssuer(tb).JWKSURL() }); message != "" {
		t.Fatal(message)
	}
	if got, err := get(t.Context(), &http.Client{}, address); err == nil {
		t.Errorf("status %d", got.status)
	}
	if u, err := url.Parse(address); err != nil || u.Hostname() != "127.0.0.1" {
		t.Errorf("the server was at %s", address)
	}
}

func TestHeadersCanBeSet(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
		issuer.SetHeader("Cache-Control", "max-age=60", jwttest.JWKS)
		if got := mustGet(t, client, issuer.JWKSURL()).header.Get("Cache-Control"); got != "max-age=60" {
			t.Errorf("Cache-Control of the JWK Set is %q", got)
		}
		if got := mustGet(t, client, issuer.DiscoveryURL()).header.Get("Cache-Control"); got != "" {
			t.Errorf("Cache-Control of discovery is %q", got)
		}
		issuer.SetHeader("Cache-Control", "")
		if got := mustGet(t, client, issuer.JWKSURL()).header.Get("Cache-Control"); got != "" {
			t.Errorf("Cache-Control is still %q", got)
		}
	})
}

func TestAnETagIsHonoured(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
		issuer.SetHeader("ETag", `"1"`)
		if got := mustGet(t, client, issuer.JWKSURL(), "If-None-Match", `"1"`); got.status != http.StatusNotModified || got.body != "" {
			t.Errorf("status %d, body %q", got.status, got.body)
		}
		if got := mustGet(t, client, issuer.JWKSURL(), "If-None-Match", `"0"`); got.status != http.StatusOK {
			t.Errorf("status %d", got.status)
		}
	})
}

func TestGoodAnswersHaveAnETagOfTheirBody(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
		current := func(url string) string {
			t.Helper()
			tag := mustGet(t, client, url).header.Get("ETag")
			if len(tag) < 10 || tag[0] != '"' || tag[len(tag)-1] != '"' {
				t.Errorf("ETag of %s is %s", url, tag)
			}
			return tag
		}
		first := current(issuer.JWKSURL())
		if again := current(issuer.JWKSURL()); again != first {
			t.Errorf("%s and %s of one body", first, again)
		}
		if other := current(issuer.DiscoveryURL()); other == first {
			t.Errorf("%s of two bodies", first)
		}
		next := jwttest.NewKey(t, keyset.ES256)
		issuer.Publish(next)
		if changed := current(issuer.JWKSURL()); changed == first {
			t.Errorf("%s of two bodies", first)
		}
		issuer.Withdraw(next)
		if back := current(issuer.JWKSURL()); back != first {
			t.Errorf("%s and %s of one body", first, back)
		}
		issuer.Rotate()
		if rotated := current(issuer.JWKSURL()); rotated == first {
			t.Errorf("%s of two bodies", first)
		}
	})
}

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	const date, later, earlier = "Tue, 01 Jan 2030 12:00:00 GMT", "Tue, 01 Jan 2030 12:00:01 GMT", "Tue, 01 Jan 2030 11:59:59 GMT"
	const same = "that of the answer before"
	for _, test := range []struct {
		name    string
		set     [2]string // a header of the answers
		request [2]string
		changed bool // the keys, between the two answers
		want    int
	}{
		{"the default ETag", [2]string{}, [2]string{"If-None-Match", same}, false, 304},
		{"the default ETag, of other keys", [2]string{}, [2]string{"If-None-Match", same}, true, 200},
		{"any ETag", [2]string{}, [2]string{"If-None-Match", "*"}, true, 304},
		{"a list of ETags", [2]string{"ETag", `"1"`}, [2]string{"If-None-Match", `"0", W/"1"`}, false, 304},
		{"an ETag that was set", [2]string{"ETag", `"1"`}, [2]string{"If-None-Match", `"1"`}, false, 304},
		{"another ETag", [2]string{"ETag", `"1"`}, [2]string{"If-None-Match", `"0"`}, false, 200},
		{"an ETag that lies", [2]string{"ETag", `"1"`}, [2]string{"If-None-Match", `"1"`}, true, 304},
		{"a weak ETag", [2]string{"ETag", `W/"1"`}, [2]string{"If-None-Match", `W/"1"`}, false, 304},
		{"an ETag that is garbage", [2]string{"ETag", "1"}, [2]string{"If-None-Match", "1"}, false, 200},
		{"no ETag", [2]string{"ETag", ""}, [2]string{"If-None-Match", `"1"`}, false, 200},
		{"a date", [2]string{"Last-Modified", date}, [2]string{"If-Modified-Since", date}, false, 304},
		{"a date, asked later", [2]string{"Last-Modified", date}, [2]string{"If-Modified-Since", later}, false, 304},
		{"a date, asked earlier", [2]string{"Last-Modified", date}, [2]string{"If-Modified-Since", earlier}, false, 200},
		{"a date that lies", [2]string{"Last-Modified", date}, [2]string{"If-Modified-Since", date}, true, 304},
		{"a date that is garbage", [2]string{"Last-Modified", "yesterday"}, [2]string{"If-Modified-Since", "yesterday"}, false, 200},
		{"no date", [2]string{}, [2]string{"If-Modified-Since", date}, false, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
				name, value := test.set[0], test.set[1]
				if name != "" {
					issuer.SetHeader(name, value)
				}
				before := mustGet(t, client, issuer.JWKSURL())
				if got := before.header.Get(name); name != "" && got != value {
					t.Errorf("%s is %q", name, got)
				}
				if test.changed {
					issuer.Rotate()
				}
				condition := test.request[1]
				if condition == same {
					condition = before.header.Get("ETag")
				}
				got := mustGet(t, client, issuer.JWKSURL(), test.request[0], condition)
				want := string(issuer.JWKS())
				if test.want == http.StatusNotModified {
					want = ""
				}
				if got.status != test.want || got.body != want || got.length != int64(len(want)) {
					t.Errorf("status %d, body of %d bytes %q", got.status, got.length, got.body)
				}
			})
		})
	}
}

func TestDefaultHeadersCanBeRemoved(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Etag", "Content-Type"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
				issuer.SetHeader(strings.ToLower(name), "", jwttest.JWKS)
				got := mustGet(t, client, issuer.JWKSURL())
				if _, ok := got.header[name]; ok || got.body != string(issuer.JWKS()) {
					t.Errorf("header %v, body %q", got.header, got.body)
				}
				if got := mustGet(t, client, issuer.DiscoveryURL()); got.header.Get(name) == "" {
					t.Errorf("header of discovery %v", got.header)
				}
			})
		})
	}
}

func TestABodyThatMayNotBeIsLeftOut(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusNoContent, http.StatusNotModified} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, issuer *jwttest.Issuer, client *http.Client) {
				issuer.Fail(status)
				if got := mustGet(t, client, issuer.JWKSURL()); got.status != status || got.body != "" || got.length != 0 {
					t.Errorf("status %d, body of %d bytes %q", got.status, got.length, got.body)
				}
			})
		})
	}
}
