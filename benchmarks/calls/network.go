package calls

import (
	"context"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

// Network is what services are reached over.
type Network interface {
	// Listen opens a place to be reached at, for one server.
	Listen() (Link, error)
}

// Link is how a server is reached.
type Link struct {
	Listener net.Listener
	Target   string
	Server   []grpc.ServerOption
	Client   []grpc.DialOption
}

// InMemory has neither a kernel nor TLS in between, so that whatever is added to a
// call shows most. It counts what clients write, if there is a counter.
type InMemory struct {
	Written *atomic.Int64 // bytes, nil for none
}

// Listen implements [Network].
func (m InMemory) Listen() (Link, error) {
	listener := bufconn.Listen(256 << 10)
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		conn, err := listener.DialContext(ctx)
		if err != nil || m.Written == nil {
			return conn, err
		}
		return counting{conn, m.Written}, nil
	}
	return Link{
		Listener: listener,
		Target:   "passthrough:///memory",
		Client:   []grpc.DialOption{grpc.WithContextDialer(dial), grpc.WithTransportCredentials(insecure.NewCredentials())},
	}, nil
}

// counting counts what is written to a connection.
type counting struct {
	net.Conn

	written *atomic.Int64
}

func (c counting) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.written.Add(int64(n))
	return n, err
}

// Loopback is TCP with TLS, within the machine.
type Loopback struct {
	certificate certificate
}

// NewLoopback returns a network with a certificate of its own.
func NewLoopback() (Loopback, error) {
	c, err := newCertificate("127.0.0.1")
	return Loopback{c}, err
}

// Listen implements [Network].
func (l Loopback) Listen() (Link, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return Link{}, err
	}
	return Link{
		Listener: listener,
		Target:   "passthrough:///" + listener.Addr().String(),
		Server:   []grpc.ServerOption{grpc.Creds(credentials.NewTLS(l.certificate.server()))},
		Client:   []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(l.certificate.client()))},
	}, nil
}
