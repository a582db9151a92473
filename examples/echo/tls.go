package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// serverTransport returns the transport for callers: TLS if there is a
// certificate.
func serverTransport(config config) (credentials.TransportCredentials, error) {
	if config.tlsCert == "" {
		return insecure.NewCredentials(), nil
	}
	creds, err := credentials.NewServerTLSFromFile(config.tlsCert, config.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("-tls-cert, -tls-key: %w", err)
	}
	return creds, nil
}

// upstreamTransport returns the transport for the upstream: TLS if there is
// something to verify it against.
func upstreamTransport(config config) (credentials.TransportCredentials, error) {
	if config.upstreamCA == "" {
		return insecure.NewCredentials(), nil
	}
	creds, err := upstreamTLS(config.upstreamCA, config.upstream)
	if err != nil {
		return nil, fmt.Errorf("-upstream-ca: %w", err)
	}
	return creds, nil
}

// upstreamTLS returns the transport for the upstream at addr. Its certificate
// must be issued by one in the file ca, for the host of addr. On loopback, one
// for localhost will do as well, whichever loopback address is dialled.
func upstreamTLS(ca, addr string) (credentials.TransportCredentials, error) {
	pem, err := os.ReadFile(ca) //nolint:gosec // the user's own flag names the file
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it", ca)
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if !isLoopback(host) {
		return credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12}), nil
	}
	return credentials.NewTLS(&tls.Config{
		ServerName: host,
		MinVersion: tls.VersionTLS12,
		// crypto/tls verifies for one name and there are two, so it verifies
		// nothing, and verifyEither all that it would.
		InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection: func(state tls.ConnectionState) error {
			return verifyEither(state.PeerCertificates, roots, host, "localhost")
		},
	}), nil
}

// isLoopback reports whether host is an address of loopback.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// verifyEither verifies the chain of a server that goes by either name.
func verifyEither(chain []*x509.Certificate, roots *x509.CertPool, name, other string) error {
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), DNSName: name}
	for _, certificate := range chain[1:] {
		options.Intermediates.AddCert(certificate)
	}
	_, err := chain[0].Verify(options)
	if err == nil {
		return nil
	}
	options.DNSName = other
	if _, otherErr := chain[0].Verify(options); otherErr == nil {
		return nil
	}
	return err
}
