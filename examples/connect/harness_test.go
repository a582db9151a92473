package connectrelay_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// world has two issuers, a verifier that trusts both, and a certificate authority.
type world struct {
	issuer, partner *jwttest.Issuer
	verifier        *token.Verifier
	ca              authority
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{
		issuer:  jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithURL("https://id.example")),
		partner: jwttest.NewIssuer(t, jwttest.InMemory(), jwttest.WithURL("https://partner.example")),
		ca:      newAuthority(t),
	}
	trusted := make([]token.Issuer, 0, 2)
	for _, issuer := range []*jwttest.Issuer{w.issuer, w.partner} {
		trusted = append(trusted, token.Issuer{URL: issuer.URL(), Audiences: issuer.Audience(), Keys: issuer.Keys()})
	}
	var err error
	if w.verifier, err = token.NewVerifier(trusted); err != nil {
		t.Fatal(err)
	}
	return w
}

// authority issues certificates for servers on loopback and for clients.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	roots       *x509.CertPool
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	key := newKey(t)
	ca := authority{signed(t, template, template, key, key), key, x509.NewCertPool()}
	ca.roots.AddCert(ca.certificate)
	return ca
}

// server returns the TLS of a server that asks for a client's certificate and
// does without.
func (a authority) server(t *testing.T) *tls.Config {
	t.Helper()
	return &tls.Config{
		Certificates: []tls.Certificate{a.issue(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})},
		ClientCAs:    a.roots,
		ClientAuth:   tls.VerifyClientCertIfGiven,
		MinVersion:   tls.VersionTLS12,
	}
}

// client returns the TLS of a client of the SPIFFE ID, without a certificate if
// it is "".
func (a authority) client(t *testing.T, id string) *tls.Config {
	t.Helper()
	config := &tls.Config{RootCAs: a.roots, MinVersion: tls.VersionTLS12}
	if id != "" {
		uri, err := url.Parse(id)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{a.issue(t, &x509.Certificate{URIs: []*url.URL{uri}})}
	}
	return config
}

func (a authority) issue(t *testing.T, template *x509.Certificate) tls.Certificate {
	t.Helper()
	key := newKey(t)
	leaf := signed(t, template, a.certificate, key, a.key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed returns the certificate of key, signed by that of the parent.
func signed(t *testing.T, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(1)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// serveWeb serves handler by TLS, HTTP/1.1 and HTTP/2, and returns its URL.
func (w world) serveWeb(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.TLS, server.EnableHTTP2 = w.ca.server(t), true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// serveGRPC serves impl by gRPC's own server, and returns its address.
func (w world) serveGRPC(t *testing.T, impl echov1.EchoServiceServer, options ...grpc.ServerOption) string {
	t.Helper()
	server := grpc.NewServer(append(options, grpc.Creds(credentials.NewTLS(w.ca.server(t))))...)
	echov1.RegisterEchoServiceServer(server, impl)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

// httpClient returns a client of the SPIFFE ID.
func (w world) httpClient(t *testing.T, id string, protocols ...func(*http.Protocols)) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: w.ca.client(t, id), Protocols: new(http.Protocols)}
	for _, speak := range protocols {
		speak(transport.Protocols)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func http1(p *http.Protocols) { p.SetHTTP1(true) }
func http2(p *http.Protocols) { p.SetHTTP2(true) }

// grpcClient returns a client of the SPIFFE ID for the server at an address.
func (w world) grpcClient(t *testing.T, id, addr string, options ...grpc.DialOption) echov1.EchoServiceClient {
	t.Helper()
	creds := grpc.WithTransportCredentials(credentials.NewTLS(w.ca.client(t, id)))
	conn, err := grpc.NewClient(addr, append(options, creds)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return echov1.NewEchoServiceClient(conn)
}

// journal has what reached handlers: for each call the value of the header that
// carried the token, and the token's subject.
type journal struct {
	mu      sync.Mutex
	entries []entry
}

type entry struct {
	subject       string // "" if the handler found no token
	authorization string
}

// arrive notes a call that has reached a handler.
func (j *journal) arrive(ctx context.Context, authorization []string) {
	t, _ := token.FromContext(ctx)
	e := entry{subject: t.Subject()}
	if len(authorization) > 0 {
		e.authorization = authorization[0]
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
}

// take returns what has arrived since it was last called.
func (j *journal) take() []entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	taken := j.entries
	j.entries = nil
	return taken
}
