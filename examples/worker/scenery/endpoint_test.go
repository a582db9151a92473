package scenery_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/examples/worker/scenery"
)

func TestTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	issuer, err := scenery.NewIssuer("https://id.example.com", "example", "worker")
	if err != nil {
		t.Fatal(err)
	}
	right := url.Values{"grant_type": {"client_credentials"}}
	for name, test := range map[string]struct {
		method, id, secret string
		form               url.Values
		code               int
		answer             string // its error
	}{
		"the client":       {"POST", "worker", issuer.Secret, right, 200, ""},
		"a wrong secret":   {"POST", "worker", "guess", right, 401, "invalid_client"},
		"no secret":        {"POST", "worker", "", right, 401, "invalid_client"},
		"another client":   {"POST", "billing", issuer.Secret, right, 401, "invalid_client"},
		"nobody":           {"POST", "", "", right, 401, "invalid_client"},
		"another grant":    {"POST", "worker", issuer.Secret, url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		"no grant":         {"POST", "worker", issuer.Secret, nil, 400, "unsupported_grant_type"},
		"a form too large": {"POST", "worker", issuer.Secret, url.Values{"x": {strings.Repeat("x", 5000)}, "grant_type": right["grant_type"]}, 400, "unsupported_grant_type"},
		"GET":              {"GET", "worker", issuer.Secret, right, 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequestWithContext(t.Context(), test.method, scenery.TokenPath, strings.NewReader(test.form.Encode()))
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if test.id != "" {
				request.SetBasicAuth(test.id, test.secret)
			}
			recorder := httptest.NewRecorder()
			issuer.Handler().ServeHTTP(recorder, request)
			var answer struct {
				Error string `json:"error"`
				Token string `json:"access_token"`
			}
			_ = json.Unmarshal(recorder.Body.Bytes(), &answer)
			if recorder.Code != test.code || answer.Error != test.answer || (answer.Token != "") != (test.code == http.StatusOK) {
				t.Errorf("got %d, %q", recorder.Code, answer.Error)
			}
			if recorder.Code != http.StatusMethodNotAllowed && recorder.Header().Get("Cache-Control") != "no-store" {
				t.Error("the answer may be stored")
			}
		})
	}
}
