package authority_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/jwtrelay/jwtrelay/examples/platform/authority"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
)

// identity makes the identity of a role.
func identity(t *testing.T, ca *authority.Authority, name string) *process.Identity {
	t.Helper()
	cert, key, err := ca.Issue(name)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := process.NewIdentity(pair, ca.PEM())
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func newAuthority(t *testing.T) *authority.Authority {
	t.Helper()
	ca, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// shake connects a client to a server, and returns why either does not want the
// other. The client learns of the server's mind when it reads (TLS 1.3).
func shake(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- answerOnce(listener, server) }()
	conn, err := (&tls.Dialer{Config: client}).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err == nil {
		_, err = io.ReadAll(conn)
		err = errors.Join(err, conn.Close())
	}
	return errors.Join(err, <-served)
}

// answerOnce shakes hands with one client, and hangs up.
func answerOnce(listener net.Listener, config *tls.Config) error {
	defer func() { _ = listener.Close() }()
	conn, err := tls.NewListener(listener, config).Accept()
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte("welcome")) // after the handshake
	return errors.Join(err, conn.Close())
}

func TestRolesVerifyEachOther(t *testing.T) {
	t.Parallel()
	ca, others := newAuthority(t), newAuthority(t)
	orders, pricing := identity(t, ca, "orders"), identity(t, ca, "pricing")
	stranger := identity(t, others, "orders")
	anonymous := orders.AsUser("pricing")

	for name, test := range map[string]struct {
		server, client *tls.Config
		want           bool
	}{
		"two roles of one authority":              {pricing.ForPeers(), orders.To("pricing"), true},
		"a user and a role that users call":       {pricing.ForUsers(), anonymous, true},
		"a role that is not the one it should be": {pricing.ForPeers(), orders.To("inventory"), false},
		"a caller without a certificate":          {pricing.ForPeers(), anonymous, false},
		"a caller of another authority":           {pricing.ForPeers(), stranger.To("pricing"), false},
		"a server of another authority":           {stranger.ForUsers(), pricing.To("orders"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := shake(t, test.server, test.client); (err == nil) != test.want {
				t.Errorf("got %v, want success %v", err, test.want)
			}
		})
	}
}
