package interceptor_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/url"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// authority is a certificate authority that lives as long as a test.
type authority struct {
	t     *testing.T
	key   *ecdsa.PrivateKey
	roots []*x509.Certificate // of that key, and of one name
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, key: newTLSKey(t)}
	a.addRoot(1)
	return a
}

func newTLSKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// addRoot signs one more certificate of the authority's own. With two, there are
// two chains from whatever it issues.
func (a *authority) addRoot(serial int64) {
	a.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test root"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.roots = append(a.roots, a.sign(template, template, &a.key.PublicKey))
}

func (a *authority) sign(template, parent *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return certificate
}

// issue returns a certificate with the names, for servers and clients.
func (a *authority) issue(dns []string, uris ...string) tls.Certificate {
	a.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(100), Subject: pkix.Name{CommonName: "common.acme.test"}, DNSNames: dns,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, text := range uris {
		uri, err := url.Parse(text)
		if err != nil {
			a.t.Fatal(err)
		}
		template.URIs = append(template.URIs, uri)
	}
	key := newTLSKey(a.t)
	leaf := a.sign(template, a.roots[0], &key.PublicKey)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, root := range a.roots {
		pool.AddCert(root)
	}
	return pool
}

// server returns the credentials of a server that wants clients' certificates
// like that.
func (a *authority) server(want tls.ClientAuthType) grpc.ServerOption {
	return grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{a.issue([]string{"server.acme.test"})},
		ClientAuth: want, ClientCAs: a.pool(),
	}))
}

// client returns the credentials of a client, with its certificate if it has one.
func (a *authority) client(certificates ...tls.Certificate) grpc.DialOption {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: a.pool(), ServerName: "server.acme.test"}
	if len(certificates) > 0 { // whoever the server says that it trusts
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificates[0], nil }
	}
	return grpc.WithTransportCredentials(credentials.NewTLS(config))
}

// TestPeers has clients with certificates, and what their names open.
func TestPeers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := w.issuer.Token()
	ours, theirs, twice := newAuthority(t), newAuthority(t), newAuthority(t)
	twice.addRoot(2)
	const orders = "spiffe://acme/orders"
	dns := func(names ...string) []string { return names }
	verifying := ours.server(tls.VerifyClientCertIfGiven)
	for name, test := range map[string]struct {
		peers  interceptor.Requirement
		server grpc.ServerOption
		client grpc.DialOption
		want   bool
	}{
		"a URI":                          {interceptor.Peers(orders), verifying, ours.client(ours.issue(nil, orders)), true},
		"the second URI":                 {interceptor.Peers(orders), verifying, ours.client(ours.issue(nil, "spiffe://acme/x", orders)), true},
		"the second that is allowed":     {interceptor.Peers("a.test", orders), verifying, ours.client(ours.issue(nil, orders)), true},
		"another URI":                    {interceptor.Peers(orders), verifying, ours.client(ours.issue(nil, "spiffe://acme/billing")), false},
		"a longer URI":                   {interceptor.Peers(orders), verifying, ours.client(ours.issue(nil, orders+"/x")), false},
		"a shorter URI":                  {interceptor.Peers(orders), verifying, ours.client(ours.issue(nil, "spiffe://acme")), false},
		"a URI in another case":          {interceptor.Peers(orders), verifying, ours.client(ours.issue(nil, "spiffe://acme/Orders")), false},
		"a URI with an escape":           {interceptor.Peers(orders), verifying, ours.client(ours.issue(nil, "spiffe://acme/%6frders")), false},
		"a URI that isn't one":           {interceptor.Peers("orders.acme.test"), verifying, ours.client(ours.issue(nil, "orders.acme.test")), false},
		"a DNS name":                     {interceptor.Peers("orders.acme.test"), verifying, ours.client(ours.issue(dns("orders.acme.test"))), true},
		"the second DNS name":            {interceptor.Peers("orders.acme.test"), verifying, ours.client(ours.issue(dns("x.test", "orders.acme.test"), orders)), true},
		"a DNS name in another case":     {interceptor.Peers("Orders.acme.TEST"), verifying, ours.client(ours.issue(dns("orders.ACME.test"))), true},
		"a name below":                   {interceptor.Peers("acme.test"), verifying, ours.client(ours.issue(dns("orders.acme.test"))), false},
		"a name above":                   {interceptor.Peers("orders.acme.test"), verifying, ours.client(ours.issue(dns("acme.test"))), false},
		"a pattern in the certificate":   {interceptor.Peers("orders.acme.test"), verifying, ours.client(ours.issue(dns("*.acme.test"))), false},
		"a DNS name that says a URI":     {interceptor.Peers(orders), verifying, ours.client(ours.issue(dns(orders))), false},
		"the common name":                {interceptor.Peers("common.acme.test"), verifying, ours.client(ours.issue(dns("x.test"))), false},
		"no names":                       {interceptor.Peers("orders.acme.test"), verifying, ours.client(ours.issue(nil)), false},
		"no certificate":                 {interceptor.Peers("orders.acme.test"), verifying, ours.client(), false},
		"a certificate that is demanded": {interceptor.Peers(orders), ours.server(tls.RequireAndVerifyClientCert), ours.client(ours.issue(nil, orders)), true},
		"one that is not verified":       {interceptor.Peers(orders), ours.server(tls.RequireAnyClientCert), ours.client(ours.issue(nil, orders)), false},
		"one that is only asked for":     {interceptor.Peers(orders), ours.server(tls.RequestClientCert), ours.client(ours.issue(nil, orders)), false},
		"one that is not asked for":      {interceptor.Peers(orders), ours.server(tls.NoClientCert), ours.client(ours.issue(nil, orders)), false},
		"one of others, not verified":    {interceptor.Peers(orders), ours.server(tls.RequireAnyClientCert), ours.client(theirs.issue(nil, orders)), false},
		"two chains":                     {interceptor.Peers(orders), twice.server(tls.RequireAndVerifyClientCert), twice.client(twice.issue(nil, orders)), true},
		"two chains, another name":       {interceptor.Peers(orders), twice.server(tls.RequireAndVerifyClientCert), twice.client(twice.issue(nil, "spiffe://acme/x")), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			impl := &service{}
			client := serve(t, impl, append(w.server(t, asking(test.peers)).Options(), test.server)...)(test.client)
			for _, k := range kinds() {
				err := k.call(sending(t, "Bearer "+raw), client)
				if test.want {
					wantRefusal(t, err, codes.OK, "", "")
					continue
				}
				wantRefusal(t, err, codes.PermissionDenied, interceptor.ReasonPeerNotAllowed, "")
			}
			if n := len(impl.seen()); (n > 0) != test.want {
				t.Errorf("the handler ran %d times", n)
			}
		})
	}
}

// TestPeersAndAResumedSession connects twice: the second time, no certificate is
// sent.
func TestPeersAndAResumedSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ours := newAuthority(t)
	certificate := ours.issue([]string{"orders.acme.test"})
	dial := serve(t, &service{}, append(w.server(t, asking(interceptor.Peers("orders.acme.test"))).Options(), ours.server(tls.RequireAndVerifyClientCert))...)
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: ours.pool(), ServerName: "server.acme.test",
		Certificates: []tls.Certificate{certificate}, ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
	for i := range 2 {
		var server peer.Peer
		client := dial(grpc.WithTransportCredentials(credentials.NewTLS(config)))
		wantRefusal(t, callUnary(sending(t, "Bearer "+w.issuer.Token()), client, grpc.Peer(&server)), codes.OK, "", "")
		if info, ok := server.AuthInfo.(credentials.TLSInfo); !ok || info.State.DidResume != (i == 1) {
			t.Errorf("connection %d: resumed %v", i, info.State.DidResume)
		}
	}
}

// TestPeersOfOtherConnections has contexts as transports make them that are not
// TLS, or whose TLS has verified nobody.
func TestPeersOfOtherConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	leaf := newAuthority(t).issue([]string{"orders.acme.test"}, "spiffe://acme/orders").Leaf
	server := w.server(t, asking(interceptor.Peers("orders.acme.test", "spiffe://acme/orders", "spiffe://acme/other")))
	tlsOf := func(state tls.ConnectionState) *peer.Peer {
		return &peer.Peer{AuthInfo: credentials.TLSInfo{State: state}}
	}
	other := &x509.Certificate{DNSNames: []string{"other.test", "spiffe://acme/other"}}
	for name, test := range map[string]struct {
		peer *peer.Peer
		want bool
	}{
		"no peer":                     {nil, false},
		"no credentials":              {&peer.Peer{}, false},
		"plaintext":                   {&peer.Peer{AuthInfo: silent{}}, false},
		"private, but no TLS":         {&peer.Peer{AuthInfo: leveled{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}}, false},
		"TLS without certificates":    {tlsOf(tls.ConnectionState{}), false},
		"not verified":                {tlsOf(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}), false},
		"an empty chain":              {tlsOf(tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{}}}), false},
		"verified":                    {tlsOf(tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{leaf}}}), true},
		"the name of who issued it":   {tlsOf(tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{other, leaf}}}), false},
		"verified another":            {tlsOf(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{other}}}), false},
		"TLS that only states its ID": {&peer.Peer{AuthInfo: credentials.TLSInfo{SPIFFEID: &url.URL{Scheme: "spiffe", Host: "acme", Path: "/orders"}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := carrying(t.Context(), w.issuer.Token())
			if test.peer != nil {
				ctx = peer.NewContext(ctx, test.peer)
			}
			want := interceptor.ReasonPeerNotAllowed
			if test.want {
				want = ""
			}
			if got := reasonIn(asUnary(ctx, server, "/a.B/C")); got != want {
				t.Errorf("the answer is %q, want %q", got, want)
			}
		})
	}
}

func TestPeersOverPlaintext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := serve(t, &service{}, w.server(t, asking(interceptor.Peers("next"))).Options()...)()
	forEachKind(t, func(t *testing.T, k kind) {
		err := k.call(sending(t, "Bearer "+w.issuer.Token()), client)
		wantRefusal(t, err, codes.PermissionDenied, interceptor.ReasonPeerNotAllowed, "")
	})
}

// TestPeerNames has others than TLS say who calls, whatever TLS says.
func TestWithPeerNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ours := newAuthority(t)
	for name, test := range map[string]struct {
		names []string
		asked interceptor.Requirement
		want  bool
	}{
		"one":                     {[]string{"spiffe://acme/orders"}, interceptor.Peers("spiffe://acme/orders"), true},
		"one of several":          {[]string{"x", "Orders.acme.test"}, interceptor.Peers("orders.Acme.test"), true},
		"a URI in another case":   {[]string{"SPIFFE://acme/orders"}, interceptor.Peers("spiffe://acme/orders"), false},
		"nobody":                  {nil, interceptor.Peers("orders.acme.test"), false},
		"an empty name":           {[]string{""}, interceptor.Peers("orders.acme.test"), false},
		"a pattern":               {[]string{"*.acme.test", "*"}, interceptor.Peers("orders.acme.test"), false},
		"instead of TLS":          {[]string{"x"}, interceptor.Peers("tls.acme.test"), false},
		"a URI without its start": {[]string{"acme/orders"}, interceptor.Peers("spiffe://acme/orders"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			server := w.server(t, asking(test.asked), interceptor.WithPeerNames(func(ctx context.Context) []string {
				if _, ok := peer.FromContext(ctx); ok {
					asked++
				}
				return test.names
			}))
			client := serve(t, &service{}, append(server.Options(), ours.server(tls.RequireAndVerifyClientCert))...)(
				ours.client(ours.issue([]string{"tls.acme.test"})))
			err := callUnary(sending(t, "Bearer "+w.issuer.Token()), client)
			if want := map[bool]token.Reason{false: interceptor.ReasonPeerNotAllowed}[test.want]; reasonIn(err) != want {
				t.Errorf("the answer is %q, want %q", reasonIn(err), want)
			}
			if asked != 1 {
				t.Errorf("asked %d times for the names behind a connection, want once", asked)
			}
		})
	}
	if _, err := interceptor.NewServer(w.verifier, interceptor.Authenticated(), interceptor.WithPeerNames(nil)); err == nil {
		t.Error("WithPeerNames(nil) is an option")
	}
}
