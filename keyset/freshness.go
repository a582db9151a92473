package keyset

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// lifetime returns for how long from now an answer with these headers says that
// it is good (RFC 9111 sections 4.2.1 and 4.2.3), and 0 if it doesn't say.
//
// An answer that may not be kept at all (no-store, no-cache, max-age=0, Expires
// in the past) doesn't say: web frameworks put that on everything, and it means
// nothing about how often keys change.
func lifetime(header http.Header, now time.Time) time.Duration {
	directives := cacheControl(header)
	if _, ok := directives["no-store"]; ok {
		return 0
	}
	if _, ok := directives["no-cache"]; ok {
		return 0
	}
	if value, ok := directives["max-age"]; ok {
		return max(seconds(value)-seconds(header.Get("Age")), 0)
	}
	expires, err := http.ParseTime(header.Get("Expires"))
	if err != nil {
		return 0
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		date = now
	}
	return max(expires.Sub(date)-seconds(header.Get("Age")), 0)
}

// cacheControl returns the directives of Cache-Control in lower case, with
// their arguments (RFC 9111 section 5.2). Of one that is given twice the first
// counts.
func cacheControl(header http.Header) map[string]string {
	directives := make(map[string]string)
	for _, part := range strings.Split(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, argument, _ := strings.Cut(strings.TrimSpace(part), "=")
		name = strings.ToLower(name)
		if _, twice := directives[name]; !twice {
			directives[name] = strings.Trim(argument, `"`)
		}
	}
	return directives
}

// maxSeconds is more than any of our bounds, and far from overflowing.
const maxSeconds = 1 << 31 // RFC 9111 section 1.2.2

// seconds reads a number of seconds, which is 0 if it is none.
func seconds(text string) time.Duration {
	if strings.Trim(text, "0123456789") != "" || text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > maxSeconds { // all digits, so too many
		n = maxSeconds
	}
	return time.Duration(n) * time.Second
}

// retryAfter returns how long an answer asks to be left alone (RFC 9110 section
// 10.2.3), 0 if it doesn't.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return seconds(value)
}
