package redisfeed_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation"
)

// TestACutNetworkIsNoticedAndSurvived cuts the network in both ways, revokes behind
// it, and mends it.
func TestACutNetworkIsNoticedAndSurvived(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cut  func(p *proxy, cut bool)
	}{
		{"refused", (*proxy).refuse},
		{"silent", func(p *proxy, cut bool) { p.silent.Store(cut) }}, // what was swallowed never comes
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			p := startProxy(t, s.addr)
			writer := openWriter(t, s.options())
			list := listOf(t, openReader(t, &redis.UniversalOptions{Addrs: []string{p.addr}}))
			revoke(t, writer, session(0))
			has(t, list, 1)
			test.cut(p, true)
			eventually(t, "the list notices", func() error { return failing(list) })
			revoke(t, writer, session(1))
			has(t, list, 1)
			test.cut(p, false)
			has(t, list, 2)
			eventually(t, "the list is well", func() error {
				if failing(list) == nil {
					return errors.New("it fails")
				}
				return nil
			})
		})
	}
}

// failing returns nil if the last read of a list's source failed.
func failing(list *revocation.List) error {
	if list.Status().Sources[0].Err == nil {
		return errors.New("no failure")
	}
	return nil
}

// TestOverTLS verifies the server's certificate, and refuses one that it doesn't know.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	known := httptest.NewTLSServer(nil) // has a certificate for loopback
	defer known.Close()
	certificate := known.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	startServer(t, "--tls-port", port, "--tls-auth-clients", "no",
		"--tls-cert-file", pemFile(t, "CERTIFICATE", certificate.Certificate[0]),
		"--tls-ca-cert-file", pemFile(t, "CERTIFICATE", certificate.Certificate[0]),
		"--tls-key-file", pemFile(t, "PRIVATE KEY", key))
	options := func(roots *x509.CertPool) *redis.UniversalOptions {
		return &redis.UniversalOptions{Addrs: []string{addr}, TLSConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	}
	roots := x509.NewCertPool()
	roots.AddCert(known.Certificate())
	writer := openWriter(t, options(roots))
	revoke(t, writer, session(0))
	has(t, listOf(t, writer), 1)
	var unknown x509.UnknownAuthorityError
	if err := openWriter(t, options(x509.NewCertPool())).Revoke(t.Context(), session(1)); !errors.As(err, &unknown) {
		t.Errorf("Revoke at a server that nobody knows = %v", err)
	}
}

// pemFile returns the name of a file with a block of PEM.
func pemFile(t *testing.T, kind string, bytes []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestClosingWaitsForNobody closes a list and its feed while Redis is silent.
func TestClosingWaitsForNobody(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := startProxy(t, s.addr)
	revoke(t, openWriter(t, s.options()), session(0))
	feed := openReader(t, &redis.UniversalOptions{Addrs: []string{p.addr}})
	list := listOf(t, feed)
	has(t, list, 1)
	p.silent.Store(true)
	if err := errors.Join(list.Close(), feed.Close()); err != nil {
		t.Error(err)
	}
}
