package redisfeed_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy is a network between a client and a server, which can be cut.
type proxy struct {
	addr   string
	target string

	silent atomic.Bool  // lets connections stand, and nothing through
	down   atomic.Int64 // bytes from the server

	mu      sync.Mutex
	refuses bool
	conns   map[net.Conn]bool
	done    sync.WaitGroup
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), target: target, conns: make(map[net.Conn]bool)}
	p.done.Go(func() { p.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		p.refuse(true)
		p.done.Wait()
	})
	return p
}

// refuse closes all connections, and new ones as they come, or lets them be again.
func (p *proxy) refuse(refuses bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = refuses
	if refuses {
		for c := range p.conns {
			_ = c.Close()
		}
	}
}

func (p *proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		if !p.keep(client) {
			continue
		}
		var dialer net.Dialer
		server, err := dialer.DialContext(context.Background(), "tcp", p.target)
		if err != nil || !p.keep(server) {
			_ = client.Close()
			continue
		}
		p.done.Go(func() { p.pump(server, client, nil) })
		p.done.Go(func() { p.pump(client, server, &p.down) })
	}
}

// keep remembers a connection, or closes it.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuses {
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

// pump copies until one side is closed, and then closes both.
func (p *proxy) pump(to, from net.Conn, count *atomic.Int64) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if count != nil {
			count.Add(int64(n))
		}
		if !p.silent.Load() {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
