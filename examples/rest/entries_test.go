package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	rpcpb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	pb "google.golang.org/protobuf/proto"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
)

// entries are the ways into the service. Each makes one call with the given
// values of authorization, for one message.
var entries = []struct {
	name string
	call func(t *testing.T, r *running, authorization ...string) answer
}{
	{"Echo by HTTP", func(t *testing.T, r *running, authorization ...string) answer {
		t.Helper()
		return post(t, r, http.Header{"Authorization": authorization})
	}},
	{"Expand by HTTP", func(t *testing.T, r *running, authorization ...string) answer {
		t.Helper()
		return get(t, r, http.Header{"Authorization": authorization})
	}},
	{"Echo by gRPC", echo},
	{"Expand by gRPC", expand},
}

// answer is what a caller gets, whichever way the call went.
type answer struct {
	subject   string // whom the first message was for, "" if none came
	err       error  // a gRPC status
	challenge []string
	retry     []string
	text      string // the whole body, by HTTP only
}

const message = "hello"

// statuses are HTTP's for gRPC's.
var statuses = map[codes.Code]int{
	codes.Unauthenticated:  http.StatusUnauthorized,
	codes.PermissionDenied: http.StatusForbidden,
	codes.Unavailable:      http.StatusServiceUnavailable,
	codes.Internal:         http.StatusInternalServerError,
}

func post(t *testing.T, r *running, header http.Header) answer {
	t.Helper()
	body, code, a := send(t, r, http.MethodPost, "/v1/echo", `{"message":"`+message+`"}`, header)
	a.read(t, code, body)
	return a
}

// get reads the first line of a stream, and the error in the last.
func get(t *testing.T, r *running, header http.Header) answer {
	t.Helper()
	body, code, a := send(t, r, http.MethodGet, "/v1/expand/"+message+"?repeat=1", "", header)
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		var line struct{ Result, Error json.RawMessage }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Error != nil {
			a.read(t, code, line.Error)
		} else {
			a.read(t, http.StatusOK, line.Result)
		}
	}
	return a
}

// send makes an HTTP request and returns what came back.
func send(t *testing.T, r *running, method, path, body string, header http.Header) (content []byte, code int, a answer) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.web+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err = io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return content, response.StatusCode, answer{
		challenge: response.Header.Values("WWW-Authenticate"),
		retry:     response.Header.Values("Retry-After"),
		text:      string(content),
	}
}

// read reads one JSON of a body, that of the status code.
func (a *answer) read(t *testing.T, code int, content []byte) {
	t.Helper()
	if code == http.StatusOK {
		response := new(echov1.EchoResponse)
		unmarshal(t, content, response)
		a.subject = response.GetSubject()
		return
	}
	s := new(rpcpb.Status)
	unmarshal(t, content, s)
	a.err = status.FromProto(s).Err()
	if want := statuses[status.Code(a.err)]; code != want {
		t.Errorf("HTTP status %d for %v, want %d", code, a.err, want)
	}
}

func unmarshal(t *testing.T, content []byte, to pb.Message) {
	t.Helper()
	if err := protojson.Unmarshal(content, to); err != nil {
		t.Fatal(err)
	}
}

func echo(t *testing.T, r *running, authorization ...string) answer {
	t.Helper()
	var header grpcmd.MD
	response, err := r.client(t).Echo(grpcmd.NewOutgoingContext(t.Context(), grpcmd.MD{"authorization": authorization}),
		&echov1.EchoRequest{Message: message}, grpc.Header(&header))
	return answer{response.GetSubject(), err, header.Get("www-authenticate"), header.Get("retry-after"), ""}
}

func expand(t *testing.T, r *running, authorization ...string) answer {
	t.Helper()
	stream, err := r.client(t).Expand(grpcmd.NewOutgoingContext(t.Context(), grpcmd.MD{"authorization": authorization}),
		&echov1.EchoRequest{Message: message, Repeat: 1})
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	for a.err == nil {
		var response *echov1.EchoResponse
		if response, a.err = stream.Recv(); a.err == nil {
			a.subject = response.GetSubject()
		}
	}
	if errors.Is(a.err, io.EOF) {
		a.err = nil
	}
	header, _ := stream.Header()
	a.challenge, a.retry = header.Get("www-authenticate"), header.Get("retry-after")
	return a
}
