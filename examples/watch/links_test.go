package main

import (
	"context"
	"io"
	"net"
	"sync"

	"google.golang.org/grpc"
)

// links are connections that can die without a word: neither end is told.
type links struct {
	mu  sync.Mutex
	all []*link
}

// over returns what it takes to call the service of the stage over links.
func (l *links) over(s *stage) []grpc.DialOption {
	return append(s.toService(), grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		conn, err := s.listener.Load().DialContext(ctx)
		if err != nil {
			return nil, err
		}
		one := &link{Conn: conn, dead: make(chan struct{}), closed: make(chan struct{})}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = append(l.all, one)
		return one, nil
	}))
}

// kill lets the links die that there are.
func (l *links) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.all {
		close(one.dead)
	}
}

// mend tells the service of all links that their clients have gone.
func (l *links) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.all {
		_ = one.Conn.Close()
	}
}

// link is the client's end of a connection.
type link struct {
	net.Conn
	dead, closed chan struct{}
	once         sync.Once
}

// Read is that of the connection; of a dead one, nothing ever comes.
func (l *link) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if isClosed(l.dead) {
		<-l.closed
		return 0, io.ErrClosedPipe
	}
	return n, err
}

// Write is that of the connection; a dead one takes everything.
func (l *link) Write(p []byte) (int, error) {
	if isClosed(l.dead) {
		return len(p), nil
	}
	return l.Conn.Write(p)
}

// Close is that of the connection; of a dead one, the service isn't told.
func (l *link) Close() error {
	l.once.Do(func() { close(l.closed) })
	if isClosed(l.dead) {
		return nil
	}
	return l.Conn.Close()
}
