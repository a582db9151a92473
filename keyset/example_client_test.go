package keyset_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// podToken adds the token in a file, which Kubernetes replaces every so often, to
// the requests for one host. No other gets it, whatever a document or a redirect
// names.
type podToken struct {
	file string // /var/run/secrets/kubernetes.io/serviceaccount/token
	host string // kubernetes.default.svc
	next http.RoundTripper
}

func (p podToken) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Host == p.host {
		content, err := os.ReadFile(p.file)
		if err != nil {
			return nil, err
		}
		request = request.Clone(request.Context())
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(content)))
	}
	return p.next.RoundTrip(request)
}

// Keys behind a cluster's own authority and a credential, as those of Kubernetes'
// service accounts are.
func ExampleRemoteConfig_client() {
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer of-the-pod" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprint(w, exampleJWKS)
	}))
	defer api.Close()
	location, err := url.Parse(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	directory, err := os.MkdirTemp("", "keyset")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(directory) }()
	file := filepath.Join(directory, "token")
	if err := os.WriteFile(file, []byte("of-the-pod\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	authority := x509.NewCertPool()
	authority.AddCert(api.Certificate()) // AppendCertsFromPEM of .../serviceaccount/ca.crt
	set, err := keyset.Fetch(api.URL, keyset.RemoteConfig{Client: &http.Client{Transport: podToken{
		file: file, host: location.Host,
		next: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority, MinVersion: tls.VersionTLS12}},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = set.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(set.WaitReady(ctx))
	// Output:
	// <nil>
}
