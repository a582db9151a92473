package process

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
)

// TLSFlags name the files that make a role's [Identity].
type TLSFlags struct{ Cert, Key, CA string }

// Register defines the flags.
func (t *TLSFlags) Register(f *Flags) {
	f.Required(&t.Cert, "tls-cert", "`file` with this role's certificate chain (PEM)")
	f.Required(&t.Key, "tls-key", "`file` with its private key (PEM)")
	f.Required(&t.CA, "ca", "`file` with the authority's certificates (PEM) that other roles are verified against")
}

// Load reads the files. An error is a [UsageError].
func (t TLSFlags) Load() (*Identity, error) {
	certificate, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, Usage("-tls-cert, -tls-key: %w", err)
	}
	authority, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, Usage("-ca: %w", err)
	}
	identity, err := NewIdentity(certificate, authority)
	if err != nil {
		return nil, Usage("-ca: %s: %w", t.CA, err)
	}
	return identity, nil
}

// Identity is how a role shows who it is on a connection, and how it verifies
// who the others are.
type Identity struct {
	certificate tls.Certificate
	authority   *x509.CertPool
}

// NewIdentity returns the identity of a role with this certificate, which
// trusts what the authority's certificates (PEM) have issued.
func NewIdentity(certificate tls.Certificate, authority []byte) (*Identity, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("no certificate in it")
	}
	return &Identity{certificate: certificate, authority: pool}, nil
}

// ForUsers is for a server that anyone may connect to.
func (i *Identity) ForUsers() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{i.certificate}, MinVersion: tls.VersionTLS13}
}

// ForPeers is for a server that only other roles may connect to.
func (i *Identity) ForPeers() *tls.Config {
	config := i.ForUsers()
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.ClientCAs = i.authority
	return config
}

// To is for a connection to the role of that name.
func (i *Identity) To(name string) *tls.Config {
	config := i.ForUsers()
	config.RootCAs = i.authority
	config.ServerName = name
	return config
}

// AsUser is for a connection to the role of that name by somebody who has no
// certificate.
func (i *Identity) AsUser(name string) *tls.Config {
	config := i.To(name)
	config.Certificates = nil
	return config
}

// HTTPClient returns a client for https URLs of other roles, by the host names
// in them.
func (i *Identity) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		TLSClientConfig:   i.To(""),
		ForceAttemptHTTP2: true,
	}}
}
