package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
)

func TestAChainOverTLS(t *testing.T) {
	t.Parallel()
	issuer, ca := newIssuer(t), newCA(t)
	cert, key := ca.issue(t, "localhost")
	tls := []string{"-tls-cert", cert, "-tls-key", key}
	last := start(t, issuer, append(tls, "-name", "last")...)
	first := start(t, issuer, append(tls, "-name", "first", "-upstream", last.addr, "-upstream-ca", ca.file)...)

	creds, err := credentials.NewClientTLSFromFile(ca.file, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	client := echov1.NewEchoServiceClient(dial(t, first.addr, creds))
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			response, err := kind.call(with(t, issuer.Token()), client, &echov1.EchoRequest{Message: "safe"})
			if err != nil {
				t.Fatal(err)
			}
			if len(response.GetHops()) != 2 || response.GetMessage() != "safe" {
				t.Errorf("got %v", response)
			}
		})
	}
}

func TestTheUpstreamsCertificateIsVerified(t *testing.T) {
	t.Parallel()
	issuer, ca := newIssuer(t), newCA(t)
	for name, test := range map[string]struct {
		names  []string // in the certificate
		issuer *authority
		host   string // that is dialled
		want   codes.Code
	}{
		"the address":                          {[]string{"127.0.0.1"}, ca, "127.0.0.1", codes.OK},
		"localhost for a loopback address":     {[]string{"localhost"}, ca, "127.0.0.1", codes.OK},
		"localhost":                            {[]string{"localhost"}, ca, "localhost", codes.OK},
		"another name":                         {[]string{"example.com"}, ca, "127.0.0.1", codes.Unavailable},
		"another address":                      {[]string{"127.0.0.2"}, ca, "127.0.0.1", codes.Unavailable},
		"an address where a name is dialled":   {[]string{"127.0.0.1"}, ca, "localhost", codes.Unavailable},
		"another CA, for the address":          {[]string{"127.0.0.1"}, newCA(t), "127.0.0.1", codes.Unavailable},
		"another CA, for localhost":            {[]string{"localhost"}, newCA(t), "127.0.0.1", codes.Unavailable},
		"another CA, where a name is dialled ": {[]string{"localhost"}, newCA(t), "localhost", codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert, key := test.issuer.issue(t, test.names...)
			last := start(t, issuer, "-tls-cert", cert, "-tls-key", key)
			_, port, err := net.SplitHostPort(last.addr)
			if err != nil {
				t.Fatal(err)
			}
			first := start(t, issuer, "-upstream", net.JoinHostPort(test.host, port), "-upstream-ca", ca.file)
			_, err = first.client(t).Echo(with(t, issuer.Token()), &echov1.EchoRequest{})
			wantCode(t, err, test.want)
		})
	}
}

// A name that is not loopback's gets no second name.
func TestOffLoopbackOnlyTheHostWillDo(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	creds, err := upstreamTLS(ca.file, "echo.example.com:443")
	if err != nil {
		t.Fatal(err)
	}
	for names, accepted := range map[string]bool{"echo.example.com": true, "localhost": false} {
		cert, key := ca.issue(t, names)
		last := start(t, newIssuer(t), "-tls-cert", cert, "-tls-key", key)
		connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", last.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = creds.ClientHandshake(t.Context(), "echo.example.com", connection)
		if (err == nil) != accepted {
			t.Errorf("a certificate for %s: %v", names, err)
		}
		_ = connection.Close()
	}
}

// An encrypted connection to an upstream that is plaintext doesn't come about.
func TestAPlaintextUpstreamIsNotTLS(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	upstream := startRecorder(t)
	client := start(t, issuer, "-upstream", upstream.addr, "-upstream-ca", newCA(t).file).client(t)
	_, err := client.Echo(with(t, issuer.Token()), &echov1.EchoRequest{}, grpc.WaitForReady(false))
	wantCode(t, err, codes.Unavailable)
	if calls := upstream.calls(); len(calls) > 0 {
		t.Errorf("the upstream got %d calls", len(calls))
	}
}

// authority issues certificates.
type authority struct {
	file        string // its own certificate, PEM
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newCA(t *testing.T) *authority {
	t.Helper()
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "test CA"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, key := sign(t, template, nil)
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{writePEM(t, "CERTIFICATE", der), certificate, key}
}

// issue returns the files of a server certificate for the given names and
// addresses, and of its key.
func (a *authority) issue(t *testing.T, names ...string) (cert, key string) {
	t.Helper()
	template := &x509.Certificate{
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, private := sign(t, template, a)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, "CERTIFICATE", der), writePEM(t, "PRIVATE KEY", pkcs8)
}

// sign makes a key and its certificate, signed by a, or by itself if a is nil.
func sign(t *testing.T, template *x509.Certificate, a *authority) (der []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(1)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if a == nil {
		a = &authority{certificate: template, key: key}
	}
	der, err = x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

func writePEM(t *testing.T, kind string, der []byte) (path string) {
	t.Helper()
	return writeFile(t, "test.pem", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
