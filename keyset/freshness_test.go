package keyset_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// withHeader is body with headers, given as name and value in turn.
func withHeader(content []byte, header ...string) answer {
	return func(request *http.Request) (*http.Response, error) {
		r := response(request, http.StatusOK, bytes.NewReader(content))
		for i := 0; i < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		return r, nil
	}
}

// gap returns the time between the last two fetches.
func (i *issuer) gap() time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.times[len(i.times)-1].Sub(i.times[len(i.times)-2])
}

// wantGap checks that the last two fetches were 5 to 25 % less than fresh apart.
func (r *remote) wantGap(fresh time.Duration) {
	r.t.Helper()
	if gap := r.gap(); gap < fresh*75/100 || gap > fresh*95/100 {
		r.t.Errorf("a gap of %v for keys that are fresh for %v", gap, fresh)
	}
}

func TestTheIssuerSaysHowLongKeysAreFresh(t *testing.T) {
	t.Parallel()
	// Time in a bubble starts at midnight UTC, 2000-01-01.
	const date, longest, shortest = "Sat, 01 Jan 2000 00:00:00 GMT", 10 * time.Minute, time.Minute
	for name, test := range map[string]struct {
		header []string
		want   time.Duration
	}{
		"it says nothing":           {nil, longest},
		"max-age":                   {[]string{"Cache-Control", "public, max-age=300, must-revalidate"}, 5 * time.Minute},
		"in capitals":               {[]string{"Cache-Control", "Public, Max-Age=300"}, 5 * time.Minute},
		"quoted":                    {[]string{"Cache-Control", `max-age="300"`}, 5 * time.Minute},
		"in a second header":        {[]string{"Cache-Control", "public", "Cache-Control", "max-age=300"}, 5 * time.Minute},
		"the first of two":          {[]string{"Cache-Control", "max-age=300, max-age=60"}, 5 * time.Minute},
		"less than the shortest":    {[]string{"Cache-Control", "max-age=1"}, shortest},
		"more than the longest":     {[]string{"Cache-Control", "max-age=86400"}, longest},
		"more than a number holds":  {[]string{"Cache-Control", "max-age=99999999999999999999"}, longest},
		"no number":                 {[]string{"Cache-Control", "max-age=soon"}, longest},
		"a negative number":         {[]string{"Cache-Control", "max-age=-300"}, longest},
		"for shared caches only":    {[]string{"Cache-Control", "s-maxage=120"}, longest},
		"no-cache":                  {[]string{"Cache-Control", "no-cache, max-age=120"}, longest},
		"no-store":                  {[]string{"Cache-Control", "max-age=120, no-store"}, longest},
		"fresh for no time":         {[]string{"Cache-Control", "max-age=0"}, longest},
		"it was cached for a while": {[]string{"Cache-Control", "max-age=900", "Age", "600"}, 5 * time.Minute},
		"it was cached too long":    {[]string{"Cache-Control", "max-age=900", "Age", "1200"}, longest},
		"Expires":                   {[]string{"Date", date, "Expires", "Sat, 01 Jan 2000 00:05:00 GMT"}, 5 * time.Minute},
		"Expires, another clock":    {[]string{"Date", "Wed, 01 Jan 2020 00:00:00 GMT", "Expires", "Wed, 01 Jan 2020 00:05:00 GMT"}, 5 * time.Minute},
		"Expires, no Date":          {[]string{"Expires", "Sat, 01 Jan 2000 00:05:00 GMT"}, 5 * time.Minute},
		"Expires, cached":           {[]string{"Date", date, "Expires", "Sat, 01 Jan 2000 00:09:00 GMT", "Age", "240"}, 5 * time.Minute},
		"Expires in the past":       {[]string{"Date", date, "Expires", "Thu, 01 Jan 1970 00:00:00 GMT"}, longest},
		"Expires 0":                 {[]string{"Expires", "0"}, longest},
		"max-age before Expires":    {[]string{"Cache-Control", "max-age=300", "Expires", "Sat, 01 Jan 2000 00:02:00 GMT"}, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fetched(t, keyset.RemoteConfig{}, withHeader(jwks(edJWK().named("a")), test.header...), func(_ *testing.T, r *remote) {
				r.serves(edJWK().named("a"))
				pass(test.want)
				r.wantGap(test.want)
			})
		})
	}
}

func TestTheBoundsOfFreshnessAreConfigured(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config keyset.RemoteConfig
		maxAge string
		want   time.Duration
	}{
		"as the issuer says": {keyset.RemoteConfig{RefreshInterval: 48 * time.Hour}, "86400", 24 * time.Hour},
		"less often":         {keyset.RemoteConfig{MinRefreshInterval: 5 * time.Minute}, "60", 5 * time.Minute},
		"far less often":     {keyset.RemoteConfig{MinRefreshInterval: time.Hour}, "60", time.Hour},
		"more often":         {keyset.RemoteConfig{RefreshInterval: time.Second}, "60", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fresh := withHeader(jwks(edJWK().named("a")), "Cache-Control", "max-age="+test.maxAge)
			fetched(t, test.config, fresh, func(_ *testing.T, r *remote) {
				pass(test.want)
				r.wantGap(test.want)
			})
		})
	}
}

// asked remembers the header of the last request.
func (i *issuer) asked(name string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.headers[len(i.headers)-1].Get(name)
}

// revalidates answers 304 whatever is asked.
func revalidates(header ...string) answer {
	return func(request *http.Request) (*http.Response, error) {
		r, err := withHeader(nil, header...)(request)
		r.StatusCode = http.StatusNotModified
		return r, err
	}
}

// honest answers 304 to whoever has what the headers describe, and the content to
// all others.
func honest(content []byte, header ...string) answer {
	return func(request *http.Request) (*http.Response, error) {
		fresh, err := withHeader(content, header...)(request)
		tag, modified := request.Header.Get("If-None-Match"), request.Header.Get("If-Modified-Since")
		if tag != "" && tag == fresh.Header.Get("ETag") || modified != "" && modified == fresh.Header.Get("Last-Modified") {
			return revalidates(header...)(request)
		}
		return fresh, err
	}
}

func TestRefreshAsksWhetherTheKeysChanged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ header, condition, value string }{
		"ETag":          {"ETag", "If-None-Match", `"one"`},
		"a weak ETag":   {"ETag", "If-None-Match", `W/"one"`},
		"Last-Modified": {"Last-Modified", "If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := withHeader(jwks(edJWK().named("a")), test.header, test.value)
			fetched(t, keyset.RemoteConfig{MaxStale: time.Hour}, first, func(t *testing.T, r *remote) {
				if got := r.asked(test.condition); got != "" {
					t.Errorf("the first fetch asks for a change since %q", got)
				}
				before := r.Snapshot()
				r.becomes(honest(jwks(edJWK().named("a")), test.header, test.value, "Cache-Control", "max-age=120"))
				pass(10 * time.Minute)
				if got := r.asked(test.condition); got != test.value {
					t.Errorf("asked for a change since %q", got)
				}
				pass(2 * time.Minute)
				r.wantGap(2 * time.Minute) // as the answer says, body or not
				pass(24 * time.Hour)
				r.wantAtOnce("a")
				if now := r.Snapshot(); now.Generation() != before.Generation() || !now.ValidUntil().After(before.ValidUntil().Add(22*time.Hour)) {
					t.Error("a set that is confirmed gets old, or new")
				}
				if r.log.count("fetch failed") > 0 {
					t.Errorf("log:\n%s", r.log)
				}
				r.becomes(withHeader(jwks(otherEdJWK().named("b")), test.header, "two"))
				pass(10 * time.Minute)
				r.wantAtOnce("b")
				pass(10 * time.Minute)
				if got := r.asked(test.condition); got != "two" {
					t.Errorf("asked for a change since %q", got)
				}
			})
		})
	}
}

// An issuer, or a cache before it, whose ETag stays although the keys change
// would otherwise never show the new ones.
func TestAnUnknownKidIsNotAskedForConditionally(t *testing.T) {
	t.Parallel()
	first := withHeader(jwks(edJWK().named("a")), "ETag", `"one"`)
	fetched(t, keyset.RemoteConfig{}, first, func(_ *testing.T, r *remote) {
		r.becomes(func(request *http.Request) (*http.Response, error) {
			if request.Header.Get("If-None-Match") == `"one"` {
				return revalidates()(request)
			}
			return withHeader(jwks(edJWK().named("a"), otherEdJWK().named("b")), "ETag", `"one"`)(request)
		})
		pass(time.Hour)
		r.want("b", nil)
	})
}

func TestAnETagCountsOnlyWithKeys(t *testing.T) {
	t.Parallel()
	first := withHeader(jwks(edJWK().named("a")), "ETag", `"good"`)
	fetched(t, keyset.RemoteConfig{}, first, func(t *testing.T, r *remote) {
		r.becomes(withHeader([]byte("<html>Maintenance</html>"), "ETag", `"maintenance"`))
		pass(time.Hour)
		r.becomes(withHeader(jwks(edJWK().named("a")))) // no ETag any more
		pass(time.Hour)
		if got := r.asked("If-None-Match"); got != "" {
			t.Errorf("asked for a change since %q", got)
		}
		for _, header := range r.headers {
			if header.Get("If-None-Match") == `"maintenance"` {
				t.Error("the ETag of what was no set is kept")
			}
		}
		r.becomes(revalidates()) // unasked
		pass(10 * time.Minute)
		if r.log.count("304") == 0 {
			t.Error("a 304 without a condition passes for keys")
		}
		r.wantAtOnce("a")
	})
}

// A firewall, say, that stumbles over the condition.
func TestAnIssuerThatFailsWhenAskedForAChange(t *testing.T) {
	t.Parallel()
	good := withHeader(jwks(edJWK().named("a"), otherEdJWK().named("b")), "ETag", `"x"`)
	fetched(t, keyset.RemoteConfig{}, withHeader(jwks(edJWK().named("a")), "ETag", `"x"`), func(t *testing.T, r *remote) {
		r.becomes(func(request *http.Request) (*http.Response, error) {
			if request.Header.Get("If-None-Match") != "" {
				return status(http.StatusInternalServerError, nil)(request)
			}
			return good(request)
		})
		pass(30 * time.Hour)
		r.wantAtOnce("a")
		r.wantAtOnce("b")
		if n := r.Status().Failures; n > 1 {
			t.Errorf("%d failures in a row", n)
		}
	})
}

// A cache that says "unchanged" for ever must not keep a withdrawn key alive.
func TestAnETagThatIsWrongIsBelievedForAnHour(t *testing.T) {
	t.Parallel()
	first := withHeader(jwks(edJWK().named("a"), otherEdJWK().named("b")), "ETag", `"1"`)
	fetched(t, keyset.RemoteConfig{}, first, func(_ *testing.T, r *remote) {
		b := otherEdJWK().named("b")
		r.becomes(func(request *http.Request) (*http.Response, error) {
			if request.Header.Get("If-None-Match") != "" {
				return revalidates()(request)
			}
			return withHeader(jwks(b), "ETag", `"1"`)(request)
		})
		pass(time.Hour + 10*time.Minute)
		r.want("a", keyset.ErrUnknownKey)
	})
}

func TestAnIssuerThatAsksForTimeGetsIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		header string
		want   time.Duration
	}{
		"in seconds":              {http.StatusTooManyRequests, "300", 5 * time.Minute},
		"as a date":               {http.StatusServiceUnavailable, "Sat, 01 Jan 2000 00:15:00 GMT", 5 * time.Minute},
		"more than the longest":   {http.StatusServiceUnavailable, "86400", 10 * time.Minute},
		"less than the backoff":   {http.StatusServiceUnavailable, "0", time.Second},
		"a date that has passed":  {http.StatusServiceUnavailable, "Sat, 01 Jan 2000 00:00:00 GMT", time.Second},
		"neither number nor date": {http.StatusServiceUnavailable, "soon", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fetched(t, keyset.RemoteConfig{UnknownBurst: 1}, nil, func(t *testing.T, r *remote) {
				time.Sleep(time.Until(time.Date(2000, 1, 1, 0, 10, 0, 0, time.UTC)))
				refused := func(request *http.Request) (*http.Response, error) {
					answer, err := withHeader(nil, "Retry-After", test.header)(request)
					answer.StatusCode = test.status
					return answer, err
				}
				r.becomes(refused)
				_, _ = r.key("b")
				_, err := r.key("b")
				wait := keyset.RetryAfter(err)
				if wait > test.want || wait < test.want/2 {
					t.Errorf("again after %v", wait)
				}
				if n := r.counting(func() { pass(wait - 1); _, _ = r.key("c") }); n != 0 {
					t.Errorf("%d fetches meanwhile", n)
				}
				if n := r.counting(func() { pass(1) }); n != 1 {
					t.Errorf("%d fetches then", n)
				}
			})
		})
	}
}

func TestRetryAfterOfAges(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"18446744074", "99999999999999999999999"} { // 2^64 ns and a bit; more than 2^63 s
		fetched(t, keyset.RemoteConfig{}, nil, func(t *testing.T, r *remote) {
			r.becomes(func(request *http.Request) (*http.Response, error) {
				answer, err := withHeader(nil, "Retry-After", value)(request)
				answer.StatusCode = http.StatusServiceUnavailable
				return answer, err
			})
			_, err := r.key("b")
			if wait := keyset.RetryAfter(err); wait != 10*time.Minute {
				t.Errorf("%s: again after %v", value, wait)
			}
		})
	}
}

func TestALongETagIsNotSentBack(t *testing.T) {
	t.Parallel()
	fetched(t, keyset.RemoteConfig{}, withHeader(jwks(edJWK().named("a")), "ETag", strings.Repeat("x", 2000)), func(t *testing.T, r *remote) {
		pass(10 * time.Minute)
		if got := r.headers[len(r.headers)-1].Get("If-None-Match"); got != "" {
			t.Errorf("sent %d bytes back", len(got))
		}
	})
}
