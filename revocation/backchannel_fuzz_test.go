package revocation_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// FuzzLogoutRequest sends any body, type and query. Nothing but the provider's own
// logout token, once and in a form, must be published.
func FuzzLogoutRequest(f *testing.F) {
	issuer := jwttest.NewIssuer(f, jwttest.InMemory(), jwttest.WithAlgorithms(keyset.HS256))
	good := issuer.Key(keyset.HS256).Sign(`{"alg":"HS256","typ":"logout+jwt"}`,
		`{"iss":"`+issuer.URL()+`","aud":"web-app","iat":9999999000,"exp":9999999100,"jti":"j","sid":"s","events":{"`+logoutEvent+`":{}}}`)
	f.Add("logout_token=TOKEN", logoutForm, "")
	f.Add("a=b&logout%5Ftoken=TOKEN&c", logoutForm+"; charset=utf-8", "x=y")
	f.Add("logout_token=TOKEN&logout_token=TOKEN", logoutForm, "")
	f.Add("logout_token=TOKEN;x", logoutForm+";;", "logout_token=TOKEN")
	f.Add(`{"logout_token":"TOKEN"}`, "application/json", "%")
	f.Fuzz(func(t *testing.T, body, contentType, query string) {
		body = strings.ReplaceAll(body, "TOKEN", good)
		writer := new(logoutWriter)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/logout", strings.NewReader(body))
		r.Header["Content-Type"] = []string{contentType}
		r.URL.RawQuery = query
		recorder := httptest.NewRecorder()
		fuzzedHandler(t, issuer, writer).ServeHTTP(recorder, r)
		if ok := recorder.Code == http.StatusOK; ok != (len(writer.published()) == 1) {
			t.Fatalf("status %d, published %v", recorder.Code, writer.published())
		}
		if recorder.Code != http.StatusOK {
			return
		}
		form, err := url.ParseQuery(body)
		if err != nil || !slices.Equal(form["logout_token"], []string{good}) || strings.Contains(query, "logout_token") ||
			!strings.HasPrefix(strings.ToLower(strings.TrimSpace(contentType)), logoutForm) {
			t.Fatal("accepted what is not a form with the token")
		}
	})
}

// FuzzLogoutClaims signs any payload. Whatever is published must be what
// encoding/json, which is not strict, reads in it too.
func FuzzLogoutClaims(f *testing.F) {
	issuer := jwttest.NewIssuer(f, jwttest.InMemory(), jwttest.WithAlgorithms(keyset.HS256))
	key := issuer.Key(keyset.HS256)
	common := `{"iss":"` + issuer.URL() + `","aud":"web-app","iat":9999999000,"exp":9999999100,"jti":"j",`
	f.Add(common + `"sid":"s","events":{"` + logoutEvent + `":{}}}`)
	f.Add(common + `"sub":"u","events":{"` + logoutEvent + `":{"x":[]},"y":null}}`)
	f.Add(common + `"sid":"s","sub":"u","nonce":null,"events":{"` + logoutEvent + `":{}}}`)
	f.Add(common + `"sid":"","sub":"u","events":{"` + logoutEvent + `":[]}}`)
	f.Add(common + `"sid":"\u0000","events":{"http:\/\/schemas.openid.net/event/backchannel-logout":{}}}`)
	f.Fuzz(func(t *testing.T, payload string) {
		writer := new(logoutWriter)
		recorder := httptest.NewRecorder()
		raw := key.Sign(`{"alg":"HS256","typ":"logout+jwt"}`, payload)
		fuzzedHandler(t, issuer, writer).ServeHTTP(recorder, logoutRequest(t, raw))
		if recorder.Code != http.StatusOK {
			return
		}
		var lenient map[string]any
		if err := json.Unmarshal([]byte(payload), &lenient); err != nil {
			t.Fatalf("accepted what is not JSON: %v", err)
		}
		events, _ := lenient["events"].(map[string]any)
		if _, ok := events[logoutEvent].(map[string]any); !ok {
			t.Fatal("accepted without the event")
		}
		if _, ok := lenient["nonce"]; ok {
			t.Fatal("accepted with a nonce")
		}
		if id, _ := lenient["jti"].(string); id == "" {
			t.Fatal("accepted without an id")
		}
		checkFuzzedEntries(t, writer.published(), issuer.URL(), lenient)
	})
}

func checkFuzzedEntries(t *testing.T, published [][]revocation.Entry, issuer string, claims map[string]any) {
	t.Helper()
	if len(published) != 1 || len(published[0]) != 1 {
		t.Fatalf("published %v", published)
	}
	got := published[0][0]
	if sid, ok := claims["sid"].(string); ok {
		if want := revocation.Session(issuer, sid).At(got.Made()); got != want {
			t.Fatalf("published %v, want %v", got, want)
		}
		return
	}
	sub, _ := claims["sub"].(string)
	if want := revocation.Principal(token.Principal{Issuer: issuer, Subject: sub}, got.Made()).At(got.Made()); got != want {
		t.Fatalf("published %v, want %v", got, want)
	}
}

// fuzzedHandler is a handler of the year 2286, in which the fuzzers' tokens are
// valid.
func fuzzedHandler(t *testing.T, issuer *jwttest.Issuer, writer revocation.Writer) http.Handler {
	t.Helper()
	return logoutHandler(t, writer, revocation.LogoutConfig{
		Issuers: []token.Issuer{trustLogouts(issuer)}, Clock: fuzzedClock,
	})
}

func fuzzedClock() time.Time { return time.Unix(9999999010, 0) }
