package interceptor_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/jwtrelay/jwtrelay/interceptor"
)

// rawCaller calls a server with HTTP/2 as no gRPC client would.
type rawCaller struct {
	client *http.Client
	url    string
}

func newRawCaller(t *testing.T, impl testpb.TestServiceServer, options ...grpc.ServerOption) rawCaller {
	t.Helper()
	server := grpc.NewServer(options...)
	testpb.RegisterTestServiceServer(server, impl)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return rawCaller{&http.Client{Transport: transport}, "http://" + listener.Addr().String()}
}

// call makes a unary call and returns gRPC's status code, "" if there is none.
func (r rawCaller) call(t *testing.T, method string, header http.Header) string {
	t.Helper()
	body := bytes.NewReader(make([]byte, 5)) // one empty message
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+method, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	if code := res.Trailer.Get("Grpc-Status"); code != "" {
		return code
	}
	return res.Header.Get("Grpc-Status")
}

// TestHeadersNoClientSends has values that get past no gRPC client, and that a
// server must therefore not trust to be absent.
func TestHeadersNoClientSends(t *testing.T) {
	t.Parallel()
	const method = testpb.TestService_UnaryCall_FullMethodName
	w := newWorld(t)
	raw := w.issuer.Token()
	impl := &service{}
	caller := newRawCaller(t, impl, w.server(t, interceptor.Authenticated()).Options()...)
	if code := caller.call(t, method, http.Header{"Authorization": {"Bearer " + raw}}); code != "0" {
		t.Fatalf("a good call ends with status %s", code)
	}
	for name, values := range map[string][]string{
		"tab instead of a space": {"Bearer\t" + raw},
		"tab after the space":    {"Bearer \t" + raw},
		"trailing tab":           {"Bearer " + raw + "\t"},
		"not ASCII":              {"Bearer " + raw + "\xff"},
		"two fields":             {"Bearer " + raw, "Bearer " + raw},
		"empty and good":         {"", "Bearer " + raw},
	} {
		if code := caller.call(t, method, http.Header{"Authorization": values}); code != "16" { // Unauthenticated
			t.Errorf("%s: status %s, want %d", name, code, codes.Unauthenticated)
		}
	}
	if n := len(impl.seen()); n != 1 {
		t.Errorf("the handler ran %d times, want once", n)
	}
}

// TestOddlySpeltMethods has paths that a careless match could take for a public
// method.
func TestOddlySpeltMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	impl := &service{}
	caller := newRawCaller(t, impl, w.server(t, interceptor.Public(testpb.TestService_UnaryCall_FullMethodName)).Options()...)
	if code := caller.call(t, testpb.TestService_UnaryCall_FullMethodName, http.Header{}); code != "0" {
		t.Fatalf("a public call ends with status %s", code)
	}
	for _, method := range []string{
		"/grpc.testing.TestService/StreamingOutputCall",
		"/grpc.testing.TestService/UnaryCall/",
		"//grpc.testing.TestService/UnaryCall",
		"/grpc.testing.testservice/UnaryCall",
		"/grpc.testing.TestService/unarycall",
		"/grpc.testing.TestService/UnaryCall?x=1",
		"/grpc.testing.TestService/%55naryCall",
		"/x/../grpc.testing.TestService/UnaryCall",
	} {
		if code := caller.call(t, method, http.Header{}); code == "0" || code == "" {
			t.Errorf("%s ends with status %q", method, code)
		}
	}
	if n := len(impl.seen()); n != 1 {
		t.Errorf("the handler ran %d times, want once", n)
	}
}
