package interceptor_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// httpArrival is what a handler saw of one request.
type httpArrival struct {
	path    string
	subject string // "" if there was no token
	decided bool
	peer    *peer.Peer
	header  http.Header
}

// httpService is a handler that records what arrives, and answers with 200.
type httpService struct {
	mu       sync.Mutex
	arrivals []httpArrival
}

func (s *httpService) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	found, decided := token.Decided(r.Context())
	from, _ := peer.FromContext(r.Context())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrivals = append(s.arrivals, httpArrival{r.URL.Path, found.Subject(), decided, from, r.Header})
}

// seen returns what has arrived so far.
func (s *httpService) seen() []httpArrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]httpArrival(nil), s.arrivals...)
}

// httpHandler returns next behind server.
func httpHandler(t *testing.T, server *interceptor.Server, next http.Handler, options ...interceptor.HTTPOption) http.Handler {
	t.Helper()
	handler, err := server.HTTPHandler(next, options...)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// serveHTTP1 serves handler on loopback by HTTP/1.1.
func serveHTTP1(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// serveHTTP2 serves handler on loopback by TLS and HTTP/2.
func serveHTTP2(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// httpRequest returns a request to handler, as a server would have read it.
func httpRequest(t *testing.T, method, target string, header http.Header) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	if header != nil {
		r.Header = header
	}
	return r
}

// bearing returns the headers of a request with these values of Authorization.
func bearing(values ...string) http.Header { return http.Header{"Authorization": values} }

// httpAnswer is the answer to a request, read to its end.
type httpAnswer struct {
	*http.Response
	text string
}

// answerOf lets handler answer r.
func answerOf(t *testing.T, handler http.Handler, r *http.Request) httpAnswer {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return readHTTP(t, recorder.Result())
}

// exchange does r with client.
func exchange(t *testing.T, client *http.Client, r *http.Request) httpAnswer {
	t.Helper()
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return readHTTP(t, res)
}

// readHTTP reads a response to its end.
func readHTTP(t *testing.T, res *http.Response) httpAnswer {
	t.Helper()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return httpAnswer{res, string(text)}
}

// wire is a connection on which a test writes what no HTTP client would.
type wire struct {
	net.Conn
	in *bufio.Reader
}

func newWire(t *testing.T, addr string) wire {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return wire{conn, bufio.NewReader(conn)}
}

// send writes lines and what ends the headers.
func (w wire) send(t *testing.T, lines ...string) {
	t.Helper()
	if _, err := io.WriteString(w, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

// receive reads an answer.
func (w wire) receive(t *testing.T) httpAnswer {
	t.Helper()
	res, err := http.ReadResponse(w.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return readHTTP(t, res)
}

// refusalIn returns what the answer to a gRPC or Connect client says, read as
// these do.
func refusalIn(t *testing.T, a httpAnswer) interceptor.Refusal {
	t.Helper()
	full := new(statuspb.Status)
	switch contentType := a.Header.Get("Content-Type"); {
	case strings.HasPrefix(contentType, "application/grpc"):
		unpack(t, a.Header.Get("Grpc-Status-Details-Bin"), full)
		if got, want := a.Header.Get("Grpc-Status"), strconv.Itoa(int(full.GetCode())); got != want {
			t.Errorf("Grpc-Status is %q, and %s in the details", got, want)
		}
	case strings.HasPrefix(contentType, "application/connect+"):
		var last struct {
			Error json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal([]byte(a.text[5:]), &last); err != nil {
			t.Fatal(err)
		}
		full = fromConnect(t, last.Error)
	default:
		full = fromConnect(t, []byte(a.text))
	}
	r, ok := interceptor.RefusalFrom(status.ErrorProto(full))
	if !ok {
		t.Errorf("no refusal in %v", full)
	}
	return r
}

// fromConnect returns the status in an error as Connect writes it.
func fromConnect(t *testing.T, text []byte) *statuspb.Status {
	t.Helper()
	var written struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Details []struct {
			Type  string `json:"type"`
			Value string `json:"value"`
		} `json:"details"`
	}
	if err := json.Unmarshal(text, &written); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var code codes.Code
	if err := code.UnmarshalJSON([]byte(strconv.Quote(strings.ToUpper(written.Code)))); err != nil {
		t.Fatal(err)
	}
	full := &statuspb.Status{Code: int32(code), Message: written.Message}
	for _, detail := range written.Details {
		value, err := base64.RawStdEncoding.DecodeString(detail.Value)
		if err != nil {
			t.Fatal(err)
		}
		full.Details = append(full.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + detail.Type, Value: value})
	}
	return full
}

// unpack reads a message from base64 without padding.
func unpack(t *testing.T, text string, into pb.Message) {
	t.Helper()
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := pb.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// wantReason checks that a request was refused for a reason, with the status that
// goes with it, or let in if there is none.
func wantReason(t *testing.T, a httpAnswer, want token.Reason) {
	t.Helper()
	if want == "" {
		if a.StatusCode != http.StatusOK {
			t.Errorf("status %d, want it let in: %s", a.StatusCode, a.text)
		}
		return
	}
	if a.StatusCode == http.StatusOK {
		t.Fatalf("let in, want %s", want)
	}
	if says := refusalIn(t, a); says.Reason != want {
		t.Errorf("status %d and reason %s, want %s", a.StatusCode, says.Reason, want)
	}
}
