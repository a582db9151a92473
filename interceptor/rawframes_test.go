package interceptor_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// The kinds of HTTP/2 frames (RFC 9113 section 6) that a call begins with.
const (
	frameData     = 0x0
	frameHeaders  = 0x1
	frameSettings = 0x4

	flagEndStream  = 0x1
	flagEndHeaders = 0x4
)

// frame returns a frame of stream 1, or of the connection for settings.
func frame(kind, flags byte, payload []byte) []byte {
	var stream uint32 = 1
	if kind == frameSettings {
		stream = 0
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind)) //nolint:gosec // small
	return append(binary.BigEndian.AppendUint32(append(head, flags), stream), payload...)
}

// headerBlock writes headers as literals, without any compression (RFC 7541
// section 6.2.2).
func headerBlock(pairs ...string) []byte {
	var block []byte
	for i := 0; i < len(pairs); i += 2 {
		block = append(block, 0)
		for _, text := range pairs[i : i+2] {
			if len(text) < 127 {
				block = append(block, byte(len(text))) //nolint:gosec // under 127
			} else { // an integer with a 7-bit prefix (RFC 7541 section 5.1)
				block = append(block, 127)
				rest := len(text) - 127
				for ; rest >= 128; rest /= 128 {
					block = append(block, byte(rest%128)|128)
				}
				block = append(block, byte(rest)) //nolint:gosec // under 128
			}
			block = append(block, text...)
		}
	}
	return block
}

// rawServer is a server that is called with frames made by hand.
type rawServer struct{ addr string }

func newRawServer(t *testing.T, impl testpb.TestServiceServer, options ...grpc.ServerOption) rawServer {
	t.Helper()
	server := grpc.NewServer(options...)
	testpb.RegisterTestServiceServer(server, impl)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return rawServer{listener.Addr().String()}
}

// call makes a unary call with this :path, whatever it is, and waits until the
// server has ended the stream or the connection.
func (r rawServer) call(t *testing.T, path string, more ...string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	pseudo := []string{":method", "POST", ":scheme", "http", ":path", path, ":authority", "test"}
	call := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	call = append(call, frame(frameSettings, 0, nil)...)
	call = append(call, frame(frameHeaders, flagEndHeaders,
		headerBlock(append(append(pseudo, "content-type", "application/grpc", "te", "trailers"), more...)...))...)
	call = append(call, frame(frameData, flagEndStream, make([]byte, 5))...)
	if _, err := conn.Write(call); err != nil {
		t.Fatal(err)
	}
	untilEnd(t, bufio.NewReader(conn))
}

// untilEnd reads frames until one ends stream 1.
func untilEnd(t *testing.T, reader *bufio.Reader) {
	t.Helper()
	const resetStream, goAway = 0x3, 0x7
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(reader, head); err != nil {
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() { //nolint:errorlint // of the connection itself
				t.Fatal("the server doesn't answer")
			}
			return
		}
		length := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if _, err := io.CopyN(io.Discard, reader, length); err != nil {
			return
		}
		switch kind, ends := head[3], head[4]&flagEndStream != 0; {
		case kind == resetStream, kind == goAway, ends && (kind == frameHeaders || kind == frameData):
			return
		}
	}
}
