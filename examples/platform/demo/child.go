package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
)

const (
	startLimit = 20 * time.Second // to say where it listens
	stopLimit  = 3 * time.Second  // to stop when told to
	maxLog     = 256 << 10        // bytes that are kept of what a child logs
)

// child is a role that runs as a process of its own.
type child struct {
	label string
	args  []string
	addr  string
	cmd   *exec.Cmd
	log   *logBuffer
	end   context.CancelFunc // tells it to stop
	ended chan struct{}      // closed when it has
}

// start starts a role of the platform and waits until it listens. The child
// ends with its standard input, so it can't outlive this process.
func start(ctx context.Context, config Config, label string, args ...string) (*child, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	c := &child{label: label, args: args, log: new(logBuffer), end: end, ended: make(chan struct{})}
	announced := newFirstLine()
	c.cmd = exec.CommandContext(life, config.Executable, append(args, "-stop-with-stdin")...) //nolint:gosec // this program itself
	c.cmd.Env = append(os.Environ(), config.Env...)
	c.cmd.Stdout = announced
	c.cmd.Stderr = c.log
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		end()
		return nil, err
	}
	c.cmd.Cancel = stdin.Close
	c.cmd.WaitDelay = stopLimit // and then it is killed
	if err := c.cmd.Start(); err != nil {
		end()
		return nil, fmt.Errorf("%s: %w", label, err)
	}
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait() // how it ended is in ProcessState
	}()
	if c.addr, err = c.waitAddr(ctx, announced); err != nil {
		c.stop()
		return c, err
	}
	return c, nil
}

// waitAddr waits until the child has said where it listens.
func (c *child) waitAddr(ctx context.Context, announced *firstLine) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	select {
	case line := <-announced.line:
		if addr, ok := process.ParseAnnouncement(line); ok {
			return addr, nil
		}
		return "", fmt.Errorf("%s did not say where it listens", c.label)
	case <-c.ended:
		return "", fmt.Errorf("%s ended at once: %v", c.label, c.cmd.ProcessState)
	case <-ctx.Done():
		return "", fmt.Errorf("%s does not start: %w", c.label, ctx.Err())
	}
}

// stop tells the child to end, and waits until it has.
func (c *child) stop() {
	c.end()
	<-c.ended
}

// kill ends the child without a word, as a crash would, and waits for its end.
func (c *child) kill() error {
	err := c.cmd.Process.Kill()
	<-c.ended
	return err
}

// stopAll stops children, all at once.
func stopAll(children []*child) {
	for _, c := range children {
		c.end()
	}
	for _, c := range children {
		<-c.ended
	}
}

// firstLine is a writer that gives the first line written to it to line.
type firstLine struct {
	line chan string
	text bytes.Buffer
	done bool
}

func newFirstLine() *firstLine { return &firstLine{line: make(chan string, 1)} }

// Write implements [io.Writer]. os/exec calls it from one goroutine.
func (f *firstLine) Write(p []byte) (int, error) {
	if f.done {
		return len(p), nil
	}
	f.text.Write(p)
	if line, err := f.text.ReadString('\n'); err == nil {
		f.done = true
		f.line <- line
	} else {
		f.text.WriteString(line) // not yet whole
	}
	return len(p), nil
}

// logBuffer keeps the beginning of what a child logs.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p[:min(len(p), maxLog-l.text.Len())])
	return len(p), nil
}

// WriteTo implements [io.WriterTo].
func (l *logBuffer) WriteTo(w io.Writer) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := w.Write(l.text.Bytes())
	return int64(n), err
}
