package keyset

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// maxRedirects bounds how often a fetch is sent elsewhere.
const maxRedirects = 3

// maxURL bounds a URL, in bytes: it is kept, and an issuer may name it.
const maxURL = 2 << 10

// endpoint is a URL that keys come from, and the rules about where else a
// request for it may go.
type endpoint struct {
	url       *url.URL
	allowHTTP bool     // for hosts other than loopback
	hosts     []string // that a redirect may lead to, each with its port
}

// newEndpoint checks the URL that a set is configured with.
func newEndpoint(raw string, config RemoteConfig) (*endpoint, error) {
	parsed, err := url.Parse(raw)
	if err != nil || len(raw) > maxURL {
		return nil, errors.New("not a URL") // the cause repeats it, password and all
	}
	e := &endpoint{url: parsed, allowHTTP: config.InsecureAllowHTTP}
	if err := e.check(parsed); err != nil {
		return nil, err
	}
	e.hosts = append(e.hosts, hostPort(parsed))
	for _, host := range config.RedirectHosts {
		other, err := url.Parse("https://" + host)
		if err != nil || other.Host != host || other.Hostname() == "" {
			return nil, fmt.Errorf("RedirectHosts: %q is not a host or host:port", host)
		}
		e.hosts = append(e.hosts, hostPort(other))
	}
	return e, nil
}

// check reports why no request may go to target, wherever it comes from.
func (e *endpoint) check(target *url.URL) error {
	switch {
	case target.User != nil:
		return errors.New("URL with user info: give a Client that adds the credential")
	case target.Hostname() == "":
		return errors.New("URL without a host")
	case target.Scheme == "https", target.Scheme == "http" && (e.allowHTTP || isLoopback(target.Hostname())):
		return nil
	case target.Scheme == "http":
		return errors.New("http URL for a host other than loopback: use https (InsecureAllowHTTP overrides)")
	default:
		return errors.New("URL is not https")
	}
}

// String returns the URL without its query, in which some put a password.
func (e *endpoint) String() string {
	shown := *e.url
	shown.RawQuery, shown.Fragment = "", ""
	return clipTo(maxCause, shown.String())
}

// checkRedirect is for [http.Client.CheckRedirect].
func (e *endpoint) checkRedirect(request *http.Request, via []*http.Request) error {
	target := request.URL
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if target.Scheme != "https" && via[len(via)-1].URL.Scheme == "https" {
		return errors.New("redirect leaves https")
	}
	if !slices.Contains(e.hosts, hostPort(target)) {
		return fmt.Errorf("redirect to another host, %s (RedirectHosts allows one)", quote(target.Host))
	}
	if err := e.check(target); err != nil {
		return fmt.Errorf("redirect: %w", err)
	}
	return nil
}

// hostPort returns where a request for target connects to, in one spelling.
func hostPort(target *url.URL) string {
	port := target.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[target.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(target.Hostname()), port)
}

// isLoopback reports whether host is this machine by what is written, not by
// what a resolver says.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
