package scenery

import (
	"net"
	"sync"
)

// Line is a listener whose connections can be cut, as an outage does it: those
// that there are break, and new ones come to nothing.
type Line struct {
	net.Listener

	mu    sync.Mutex
	down  bool
	conns []net.Conn
}

// Accept implements [net.Listener].
func (l *Line) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || l.connect(conn) {
			return conn, err
		}
		_ = conn.Close()
	}
}

// Cut begins an outage.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for _, conn := range l.conns {
		_ = conn.Close()
	}
	l.conns = nil
}

// Mend ends it.
func (l *Line) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

// connect notes a connection, unless the line is down.
func (l *Line) connect(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.down {
		l.conns = append(l.conns, conn)
	}
	return !l.down
}
