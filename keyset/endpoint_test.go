package keyset_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

func TestWhichURLsFetchTakes(t *testing.T) {
	t.Parallel()
	insecure := keyset.RemoteConfig{InsecureAllowHTTP: true}
	for _, test := range []struct {
		url    string
		config keyset.RemoteConfig
		want   string // of the error; empty is a set
	}{
		{"https://id.example.com/jwks", keyset.RemoteConfig{}, ""},
		{"https://id.example.com:8443/jwks?tenant=1", keyset.RemoteConfig{}, ""},
		{"HTTPS://ID.EXAMPLE.COM/jwks", keyset.RemoteConfig{}, ""},
		{"http://localhost:8080/jwks", keyset.RemoteConfig{}, ""},
		{"http://LocalHost/jwks", keyset.RemoteConfig{}, ""},
		{"http://127.0.0.1:8080/jwks", keyset.RemoteConfig{}, ""},
		{"http://127.9.8.7/jwks", keyset.RemoteConfig{}, ""},
		{"http://[::1]:8080/jwks", keyset.RemoteConfig{}, ""},
		{"http://[::ffff:127.0.0.1]/jwks", keyset.RemoteConfig{}, ""},
		{"http://id.example.com/jwks", insecure, ""},
		{"http://id.example.com/jwks", keyset.RemoteConfig{}, "InsecureAllowHTTP"},
		{"http://localhost.example.com/jwks", keyset.RemoteConfig{}, "InsecureAllowHTTP"},
		{"http://127.0.0.1.example.com/jwks", keyset.RemoteConfig{}, "InsecureAllowHTTP"},
		{"http://10.0.0.1/jwks", keyset.RemoteConfig{}, "InsecureAllowHTTP"},
		{"http://0.0.0.0/jwks", keyset.RemoteConfig{}, "InsecureAllowHTTP"},
		{"http://[::2]/jwks", keyset.RemoteConfig{}, "InsecureAllowHTTP"},
		{"https://user:hunter2@id.example.com/jwks", keyset.RemoteConfig{}, "user info"},
		{"https://user@id.example.com/jwks", insecure, "user info"},
		{"https://user:hunter2@id.example.com:port/jwks", keyset.RemoteConfig{}, "not a URL"},
		{"http://id.example.com/jwks?key=hunter2", keyset.RemoteConfig{}, "InsecureAllowHTTP"},
		{"https://id.example.com:port/jwks?key=hunter2", keyset.RemoteConfig{}, "not a URL"},
		{"ftp://id.example.com/jwks?key=hunter2", insecure, "not https"},
		{"https:///jwks", keyset.RemoteConfig{}, "without a host"},
		{"https://:443/jwks", keyset.RemoteConfig{}, "without a host"},
		{"", keyset.RemoteConfig{}, "without a host"},
		{"/etc/keys.json", keyset.RemoteConfig{}, "without a host"},
		{"id.example.com/jwks", keyset.RemoteConfig{}, "without a host"},
		{"file://host/etc/keys.json", insecure, "not https"},
		{"ftp://id.example.com/jwks", insecure, "not https"},
	} {
		t.Run(test.url, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				test.config.Client = &http.Client{Transport: &issuer{answer: down}}
				test.config.Logger = new(record).logger()
				set, err := keyset.Fetch(test.url, test.config)
				if test.want != "" {
					wantError(t, err, "keyset: key URL", test.want)
					wantNoWord(t, err.Error(), "hunter2")
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				_ = set.Close()
			})
		})
	}
}

func TestFetchRefusesAConfigurationThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for want, config := range map[string]keyset.RemoteConfig{
		"RSAAlgorithm":    {RSAAlgorithm: keyset.ES256},
		"RefreshInterval": {RefreshInterval: -1},
		"unit missing":    {RefreshInterval: 600},
		"UnknownInterval 5ns is under a millisecond":            {UnknownInterval: 5},
		"MinBackoff 1ns is under":                               {MinBackoff: 1, MaxBackoff: 1},
		"Timeout 10ns is under":                                 {Timeout: 10},
		"over ten years":                                        {MaxStale: math.MaxInt64},
		"MaxBody 9223372036854775807 is over":                   {MaxBody: math.MaxInt64},
		"RefreshInterval 1m0s is under MinRefreshInterval 2m0s": {MinRefreshInterval: 2 * time.Minute, RefreshInterval: time.Minute},
		"DiscoveryInterval 1m0s is under":                       {MinRefreshInterval: 2 * time.Minute, DiscoveryInterval: time.Minute},
		"MaxStale 1m0s is under RefreshInterval 2m0s":           {MaxStale: time.Minute, RefreshInterval: 2 * time.Minute},
		"MinBackoff":      {MinBackoff: -1},
		"MaxBackoff":      {MaxBackoff: -1},
		"under MinBack":   {MinBackoff: time.Minute, MaxBackoff: time.Second},
		"Timeout":         {Timeout: -1},
		"MaxBody":         {MaxBody: -1},
		"UnknownBurst":    {UnknownBurst: -1},
		"UnknownInterval": {UnknownInterval: -1},
		"UnknownWait":     {UnknownWait: -1},
		`"a/b"`:           {RedirectHosts: []string{"a/b"}},
		`"u@a"`:           {RedirectHosts: []string{"u@a"}},
		`""`:              {RedirectHosts: []string{""}},
		`"https://a"`:     {RedirectHosts: []string{"https://a"}},
	} {
		set, err := keyset.Fetch(issuerURL, config)
		wantError(t, err, "keyset: ", want)
		if set != nil {
			t.Errorf("%s: a set besides the error", want)
		}
	}
}

// What is not configured gives way to what is.
func TestDefaultsGiveWay(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]keyset.RemoteConfig{
		"MaxStale":           {MaxStale: 5 * time.Second},
		"RefreshInterval":    {RefreshInterval: 48 * time.Hour},
		"a short one":        {RefreshInterval: time.Second},
		"MinRefreshInterval": {MinRefreshInterval: 2 * time.Hour},
		"DiscoveryInterval":  {DiscoveryInterval: time.Second},
		"MinBackoff":         {MinBackoff: time.Hour},
		"MaxBackoff":         {MaxBackoff: time.Millisecond},
	} {
		config.Client = &http.Client{Transport: &issuer{answer: down}}
		config.Logger = new(record).logger()
		set, err := keyset.Discover(issuerName, config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = set.Close()
	}
}

// TestTheQueryOfTheURLIsShownNowhere has a query that some would call a password,
// and an issuer that fails in every way, or says what it likes.
func TestTheQueryOfTheURLIsShownNowhere(t *testing.T) {
	t.Parallel()
	answers := bad()
	answers["good"] = body(jwks(edJWK().named("a"), octJWK()))
	answers["timeout"] = hang
	for name, behaviour := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				log := new(record)
				config := keyset.RemoteConfig{
					Client: &http.Client{Transport: &issuer{answer: behaviour}}, Logger: log.logger(), MaxBody: smallBody,
				}
				set := must(keyset.Fetch(issuerURL+"?key=sesame#sesame", config))
				defer func() { _ = set.Close() }()
				pass(time.Minute)
				_, err := set.Key(t.Context(), "b", keyset.EdDSA)
				wantNoWord(t, err.Error(), "sesame")
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				if err := set.WaitReady(ended); err != nil {
					wantNoWord(t, err.Error(), "sesame")
				}
				wantNoWord(t, log.String(), "sesame")
				if log.count(issuerURL) == 0 {
					t.Errorf("the log does not say which URL:\n%s", log)
				}
			})
		})
	}
}

// way answers each URL in its own way, and down for any other.
func way(steps map[string]answer) answer {
	return func(request *http.Request) (*http.Response, error) {
		if step, ok := steps[request.URL.String()]; ok {
			return step(request)
		}
		return down(request)
	}
}

func TestWhichRedirectsAreFollowed(t *testing.T) {
	t.Parallel()
	good := body(jwks(edJWK().named("a")))
	const base = "https://id.example.com"
	for _, test := range []struct {
		name   string
		config keyset.RemoteConfig
		steps  map[string]answer
		want   error
	}{
		{"same host", keyset.RemoteConfig{}, map[string]answer{
			issuerURL: redirect("/v2/jwks"), base + "/v2/jwks": good,
		}, nil},
		{"same host, in other words", keyset.RemoteConfig{}, map[string]answer{
			issuerURL: redirect("https://ID.example.com:443/v2/jwks"), "https://ID.example.com:443/v2/jwks": good,
		}, nil},
		{"three times", keyset.RemoteConfig{}, map[string]answer{
			issuerURL: redirect("/1"), base + "/1": redirect("/2"), base + "/2": redirect("/3"), base + "/3": good,
		}, nil},
		{"four times", keyset.RemoteConfig{}, map[string]answer{
			issuerURL: redirect("/1"), base + "/1": redirect("/2"), base + "/2": redirect("/3"),
			base + "/3": redirect("/4"), base + "/4": good,
		}, keyset.ErrUnavailable},
		{"another host", keyset.RemoteConfig{}, map[string]answer{
			issuerURL: redirect("https://cdn.example.com/jwks"), "https://cdn.example.com/jwks": good,
		}, keyset.ErrUnavailable},
		{"another host that is allowed", keyset.RemoteConfig{RedirectHosts: []string{"CDN.example.com"}}, map[string]answer{
			issuerURL: redirect("https://cdn.example.com/jwks"), "https://cdn.example.com/jwks": good,
		}, nil},
		{"another port of an allowed host", keyset.RemoteConfig{RedirectHosts: []string{"cdn.example.com"}}, map[string]answer{
			issuerURL: redirect("https://cdn.example.com:8443/jwks"), "https://cdn.example.com:8443/jwks": good,
		}, keyset.ErrUnavailable},
		{"an allowed port", keyset.RemoteConfig{RedirectHosts: []string{"cdn.example.com:8443"}}, map[string]answer{
			issuerURL: redirect("https://cdn.example.com:8443/jwks"), "https://cdn.example.com:8443/jwks": good,
		}, nil},
		{"from https to http, whatever is allowed",
			keyset.RemoteConfig{InsecureAllowHTTP: true, RedirectHosts: []string{"id.example.com:80"}}, map[string]answer{
				issuerURL: redirect("http://id.example.com/jwks"), "http://id.example.com/jwks": good,
			}, keyset.ErrUnavailable},
		{"with user info", keyset.RemoteConfig{}, map[string]answer{
			issuerURL: redirect("https://u:p@id.example.com/v2"), "https://u:p@id.example.com/v2": good,
		}, keyset.ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fetched(t, test.config, way(test.steps), func(_ *testing.T, r *remote) { r.want("a", test.want) })
		})
	}
}

func TestGivenClientIsNotChangedAndItsOwnRuleHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps := map[string]answer{
			issuerURL:                    redirect("/v2"),
			"https://id.example.com/v2":  redirect("https://evil.example.com/"),
			"https://evil.example.com/":  body(jwks(edJWK().named("a"))),
			"https://id.example.com/own": body(jwks(edJWK().named("a"))),
		}
		server := &issuer{answer: way(steps)}
		asked := 0
		client := &http.Client{Transport: server, CheckRedirect: func(*http.Request, []*http.Request) error {
			asked++
			return nil // allows all
		}}
		log := new(record)
		set := must(keyset.Fetch(issuerURL, keyset.RemoteConfig{Client: client, Logger: log.logger()}))
		defer func() { _ = set.Close() }()
		synctest.Wait()
		if asked != 1 || server.count() != 2 || log.count("evil.example.com") != 1 {
			t.Errorf("asked %d times, requests %v, log:\n%s", asked, server.requests, log)
		}
		if client.Transport != server || client.CheckRedirect(nil, nil) != nil || client.Timeout != 0 {
			t.Error("the client was changed")
		}
	})
}

func TestGivenClientMayForbidMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps := map[string]answer{issuerURL: redirect("/v2"), "https://id.example.com/v2": body(jwks(edJWK().named("a")))}
		for name, rule := range map[string]error{"an error": errors.New("no redirects here"), "status 302": http.ErrUseLastResponse} {
			client := &http.Client{
				Transport:     &issuer{answer: way(steps)},
				CheckRedirect: func(*http.Request, []*http.Request) error { return rule },
			}
			set := must(keyset.Fetch(issuerURL, keyset.RemoteConfig{Client: client, Logger: new(record).logger()}))
			synctest.Wait()
			if _, err := set.Key(t.Context(), "a", keyset.EdDSA); !errors.Is(err, keyset.ErrUnavailable) {
				t.Errorf("%s: got %v", name, err)
			}
			_ = set.Close()
		}
	})
}

func TestFetchOverARealConnection(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Header.Get("Accept") == "" || request.Header.Get("Cookie") != "" {
			w.WriteHeader(http.StatusBadRequest)
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		_, _ = w.Write(jwks(edJWK().named("a")))
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	for name, test := range map[string]struct {
		url    string
		client *http.Client
	}{
		"http on loopback, its own client":    {plain.URL, nil},
		"https, a client that knows the CA":   {secure.URL, secure.Client()},
		"a client without a transport":        {plain.URL, &http.Client{Timeout: time.Minute}},
		"the default client, which it spares": {plain.URL, http.DefaultClient}, //nolint:forbidigo // what a caller may do
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := must(keyset.Fetch(test.url, keyset.RemoteConfig{Client: test.client, Logger: new(record).logger()}))
			t.Cleanup(func() { _ = set.Close() })
			if err := set.WaitReady(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := set.Key(t.Context(), "a", keyset.EdDSA); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWhatAnIssuerSaysIsCutShort has a redirect that is no URL, which net/http
// quotes as a whole.
func TestWhatAnIssuerSaysIsCutShort(t *testing.T) {
	t.Parallel()
	long := "https://%zz/" + strings.Repeat("x", 50_000)
	synctest.Test(t, func(t *testing.T) {
		log := new(record)
		redirect := func(request *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: http.StatusFound, Header: http.Header{"Location": {long}},
				Body: http.NoBody, Request: request,
			}, nil
		}
		set := must(keyset.Fetch(issuerURL, keyset.RemoteConfig{
			Client: &http.Client{Transport: &issuer{answer: redirect}}, Logger: log.logger(),
		}))
		defer func() { _ = set.Close() }()
		pass(time.Millisecond)
		_, err := set.Key(t.Context(), "a", keyset.EdDSA)
		if n := len(err.Error()); n > 1000 {
			t.Errorf("the error has %d bytes", n)
		}
		if n := len(log.String()); n > 2000 || n == 0 {
			t.Errorf("the log has %d bytes", n)
		}
	})
}
