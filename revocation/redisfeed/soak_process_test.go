//go:build soak

package redisfeed_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// soakProcess is a server process, seen by the driver.
type soakProcess struct {
	number  int
	command *exec.Cmd
	stdin   io.Closer
	output  bytes.Buffer // to be read when the process has ended
	conn    *grpc.ClientConn
	client  testpb.TestServiceClient

	address chan string // closed when the process reports no more
	told    sync.WaitGroup

	mu    sync.Mutex
	sizes []sized
	left  *footprint
}

// sized is a footprint and when it was taken.
type sized struct {
	at time.Time
	footprint
}

// startProcess starts the test binary again, as a server.
func startProcess(t *testing.T, number int, o orders, told func(*soakProcess, report)) *soakProcess {
	t.Helper()
	p := &soakProcess{number: number, address: make(chan string, 1)}
	p.command = exec.Command(os.Args[0], "-test.run=^TestSoak$", "-test.timeout=0") //nolint:gosec,noctx // itself; it ends with its input
	p.command.Env = append(os.Environ(), soakRole+"=server")
	p.command.Stdout, p.command.Stderr = &p.output, &p.output
	theirs, ours := soakPipe(t)
	p.command.ExtraFiles = []*os.File{ours} // the first is number 3
	stdin, err := p.command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.command.Process.Kill() })
	_ = ours.Close()
	p.told.Go(func() { p.listen(theirs, told) })
	if err := json.NewEncoder(stdin).Encode(o); err != nil {
		t.Fatal(err)
	}
	address, ok := <-p.address
	if !ok {
		t.Fatal("a server process ended before it served")
	}
	if p.conn, err = grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	p.client = testpb.NewTestServiceClient(p.conn)
	return p
}

func soakPipe(t *testing.T) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return read, write
}

// listen passes on what the process reports, until it ends.
func (p *soakProcess) listen(from io.ReadCloser, told func(*soakProcess, report)) {
	defer func() { _ = from.Close() }()
	defer close(p.address)
	decoder := json.NewDecoder(from)
	for {
		var r report
		if decoder.Decode(&r) != nil {
			return
		}
		switch {
		case r.Address != "":
			p.address <- r.Address
		case r.Size != nil:
			p.mu.Lock()
			p.sizes = append(p.sizes, sized{time.Now(), *r.Size})
			p.mu.Unlock()
		case r.Left != nil:
			p.left = r.Left
		default:
			told(p, r)
		}
	}
}

// stop ends the process and waits for that.
func (p *soakProcess) stop() error {
	err := errors.Join(p.conn.Close(), p.stdin.Close())
	p.told.Wait()
	if failed := p.command.Wait(); failed != nil {
		err = errors.Join(err, fmt.Errorf("%w: %s", failed, &p.output))
	}
	return err
}

// smallest returns the smallest footprint of those taken between two times, and
// whether there is one.
func (p *soakProcess) smallest(from, to time.Time) (smallest footprint, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, size := range p.sizes {
		switch {
		case size.at.Before(from) || size.at.After(to):
		case !ok:
			smallest, ok = size.footprint, true
		default:
			smallest.Heap = min(smallest.Heap, size.Heap)
			smallest.Goroutines = min(smallest.Goroutines, size.Goroutines)
			smallest.Entries = max(smallest.Entries, size.Entries)
		}
	}
	return smallest, ok
}
