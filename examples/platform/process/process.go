// Package process answers one question: how does a role of the platform run as
// a process of its own?
//
// It reads flags, loads certificates, listens, says where, and ends when it is
// told to. It knows nothing of tokens.
package process

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
)

// Env is what a process is given.
type Env struct {
	Args   []string // without the program's and the role's name
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Logger returns a logger of the role to standard error.
func (e Env) Logger(role string) *slog.Logger {
	return slog.New(slog.NewTextHandler(e.Stderr, nil)).With("role", role)
}

// Listen listens on addr, whose port may be 0, and says on stdout where it
// does; whoever started the process reads it with [ParseAnnouncement]. There
// is no moment at which somebody else could take the port.
func Listen(ctx context.Context, addr string, stdout io.Writer) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(stdout, announcement+listener.Addr().String()); err != nil {
		_ = listener.Close() // the other error says more
		return nil, err
	}
	return listener, nil
}

const announcement = "listening on "

// ParseAnnouncement returns the address in a line that [Listen] wrote.
func ParseAnnouncement(line string) (addr string, ok bool) {
	return strings.CutPrefix(strings.TrimSpace(line), announcement)
}

// UntilEOF returns a context that ends when stdin does. It is for children: the
// pipe that a parent holds ends with the parent, however that came to its end.
//
// The reading goroutine lives as long as stdin, which is as long as the process.
func UntilEOF(ctx context.Context, stdin io.Reader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, stdin) // an error is an end, too
	}()
	return ctx, cancel
}
