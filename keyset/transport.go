package keyset

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// maxHeaders bounds the header of a response, in bytes.
const maxHeaders = 64 << 10

// newClient returns a client like base, which may be nil and is not changed,
// and a function that drops its idle connections.
func newClient(base *http.Client) (client *http.Client, closeIdle func()) {
	client = new(http.Client)
	if base != nil {
		*client = *base
	}
	if client.Transport != nil {
		return client, func() {} // its connections may serve others
	}
	transport := newTransport()
	client.Transport = transport
	return client, transport.CloseIdleConnections
}

// guard returns a client that keeps to the rules of e, and then to those of
// base.
func (e *endpoint) guard(base *http.Client) *http.Client {
	guarded := *base
	guarded.CheckRedirect = both(e.checkRedirect, base.CheckRedirect)
	return &guarded
}

// both asks first, then second unless that is nil.
func both(first, second func(*http.Request, []*http.Request) error) func(*http.Request, []*http.Request) error {
	if second == nil {
		return first
	}
	return func(request *http.Request, via []*http.Request) error {
		if err := first(request, via); err != nil {
			return err
		}
		return second(request, via)
	}
}

// newTransport returns a transport of the set's own: the default one is shared
// with the whole process, which may change it.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           2,
		IdleConnTimeout:        30 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxHeaders,
	}
}
