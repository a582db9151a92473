package interceptor_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// The refusal of a call without a token, by a server without a name.
const (
	missingJSON = `{"code":"unauthenticated","message":"no token was sent",` +
		`"details":[{"type":"google.rpc.ErrorInfo","value":"Cg1UT0tFTl9NSVNTSU5HEghqd3RyZWxheQ","debug":{"reason":"TOKEN_MISSING","domain":"jwtrelay"}}]}`
	missingDetails = "CBASEW5vIHRva2VuIHdhcyBzZW50GkUKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5FcnJvckluZm8S" +
		"GQoNVE9LRU5fTUlTU0lORxIIand0cmVsYXk"
)

// TestRefusalsInTheCallersProtocol has the whole answer to each kind of request.
func TestRefusalsInTheCallersProtocol(t *testing.T) {
	t.Parallel()
	handler := httpHandler(t, newWorld(t).server(t, interceptor.Authenticated()), &httpService{})
	for contentType, want := range map[string]httpAnswer{
		"application/grpc":                inHeaders("application/grpc"),
		"application/grpc+proto":          inHeaders("application/grpc+proto"),
		"Application/GRPC+Proto":          inHeaders("application/grpc+proto"),
		"application/grpc;charset=x":      inHeaders("application/grpc;charset=x"),
		"application/grpc-web":            inHeaders("application/grpc-web"),
		"application/grpc-web+json":       inHeaders("application/grpc-web+json"),
		"application/grpc-web-text":       inHeaders("application/grpc-web-text"),
		"application/grpc-web-text+proto": inHeaders("application/grpc-web-text+proto"),
		"application/connect+json":        inLastFrame("application/connect+json"),
		"Application/Connect+PROTO":       inLastFrame("application/connect+proto"),
		"application/json":                inPlain(),
		"application/proto":               inPlain(),
		"text/html":                       inPlain(),
		"":                                inPlain(),
		"application/grpcx":               inPlain(),
		"application/grpc-websocket":      inPlain(),
		"application/connect":             inPlain(),
		"text/application/grpc":           inPlain(),
	} {
		t.Run(contentType, func(t *testing.T) {
			t.Parallel()
			got := answerOf(t, handler, httpRequest(t, http.MethodPost, unaryCall, http.Header{"Content-Type": {contentType}}))
			if got.StatusCode != want.StatusCode || got.text != want.text {
				t.Errorf("status %d and %q, want %d and %q", got.StatusCode, got.text, want.StatusCode, want.text)
			}
			if !maps.EqualFunc(got.Header, want.Header, func(a, b []string) bool { return strings.Join(a, "|") == strings.Join(b, "|") }) {
				t.Errorf("headers are %v, want %v", got.Header, want.Header)
			}
		})
	}
}

// inPlain is the refusal as plain HTTP has it.
func inPlain() httpAnswer {
	header := http.Header{
		"Content-Type": {"application/json"}, "X-Content-Type-Options": {"nosniff"}, "Www-Authenticate": {"Bearer"},
	}
	return httpAnswer{&http.Response{StatusCode: http.StatusUnauthorized, Header: header}, missingJSON}
}

// inHeaders is the refusal as gRPC has it.
func inHeaders(contentType string) httpAnswer {
	header := http.Header{
		"Content-Type": {contentType}, "Www-Authenticate": {"Bearer"}, "Grpc-Status": {"16"},
		"Grpc-Message": {"no token was sent"}, "Grpc-Status-Details-Bin": {missingDetails},
	}
	return httpAnswer{&http.Response{StatusCode: http.StatusOK, Header: header}, ""}
}

// inLastFrame is the refusal as a Connect stream has it.
func inLastFrame(contentType string) httpAnswer {
	header := http.Header{"Content-Type": {contentType}, "Www-Authenticate": {"Bearer"}}
	body := `{"error":` + missingJSON + `}`
	frame := "\x02" + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + body //nolint:gosec // it is short
	return httpAnswer{&http.Response{StatusCode: http.StatusOK, Header: header}, frame}
}

// TestWhatARefusalSays has each kind of verdict, in all three forms.
func TestWhatARefusalSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failing := func(err error) interceptor.Policy {
		return interceptor.Authenticated().With(interceptor.Require(func(context.Context, *token.Token) error { return err }))
	}
	good := bearing("Bearer " + w.issuer.Token())
	for name, test := range map[string]struct {
		policy    interceptor.Policy
		header    http.Header
		status    int
		code      codes.Code
		reason    token.Reason
		scope     string
		challenge string
		retry     string
	}{
		"no token":             {interceptor.Authenticated(), nil, 401, codes.Unauthenticated, token.ReasonMissing, "", "Bearer", ""},
		"a forged token":       {interceptor.Authenticated(), bearing("Bearer " + w.issuer.Token(jwttest.Forged())), 401, codes.Unauthenticated, token.ReasonSignatureInvalid, "", `Bearer error="invalid_token", error_description="the token's signature is invalid"`, ""},
		"no rule":              {interceptor.Public(emptyCall), good, 403, codes.PermissionDenied, interceptor.ReasonNoPolicy, "", "", ""},
		"too few scopes":       {interceptor.Authenticated().With(interceptor.Scopes("a", "b")), good, 403, codes.PermissionDenied, interceptor.ReasonScopeInsufficient, "a b", `Bearer error="insufficient_scope", error_description="the token lacks a scope that this method needs", scope="a b"`, ""},
		"a function says no":   {failing(errors.New("secret")), good, 403, codes.PermissionDenied, interceptor.ReasonCallNotAllowed, "", "", ""},
		"a function can't say": {failing(status.Error(codes.Unavailable, "secret")), good, 503, codes.Unavailable, interceptor.ReasonPolicyUnavailable, "", "", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := httpHandler(t, w.server(t, test.policy, interceptor.Name("A")), &httpService{})
			for _, contentType := range []string{"application/grpc", "application/connect+proto", "application/proto"} {
				r := httpRequest(t, http.MethodPost, unaryCall, merged(http.Header{"Content-Type": {contentType}}, test.header))
				got := answerOf(t, handler, r)
				says := refusalIn(t, got)
				if says.Code != test.code || says.Reason != test.reason || says.Hop != "A" || says.Scope != test.scope {
					t.Errorf("%s says %+v", contentType, says)
				}
				if challenge := got.Header.Get("Www-Authenticate"); challenge != test.challenge {
					t.Errorf("%s: the challenge is %s", contentType, challenge)
				}
				if (says.RetryAfter.String() == "1s") != (test.retry != "") {
					t.Errorf("%s: retry after %v", contentType, says.RetryAfter)
				}
				if strings.Contains(got.text+got.Header.Get("Grpc-Message"), "secret") {
					t.Errorf("%s: the cause is shown", contentType)
				}
				if contentType == "application/proto" && (got.StatusCode != test.status || got.Header.Get("Retry-After") != test.retry) {
					t.Errorf("status %d and Retry-After %q", got.StatusCode, got.Header.Get("Retry-After"))
				}
			}
		})
	}
}

// TestKeysThatAreAway answer 503, and when to ask again, in whole seconds.
func TestKeysThatAreAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for want, away := range map[string]error{
		"1": keyset.ErrUnavailable,
		"2": &keyset.UnavailableError{After: 2 * time.Second},
		"3": &keyset.UnavailableError{After: 2*time.Second + 1},
	} {
		verifier, err := token.NewVerifier([]token.Issuer{{
			URL: w.issuer.URL(), Audiences: w.issuer.Audience(), Keys: answer{away},
		}})
		if err != nil {
			t.Fatal(err)
		}
		handler := httpHandler(t, world{w.issuer, verifier}.server(t, interceptor.Authenticated()), &httpService{})
		got := answerOf(t, handler, httpRequest(t, http.MethodGet, unaryCall, bearing("Bearer "+w.issuer.Token())))
		wantReason(t, got, token.ReasonKeysUnavailable)
		if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") != want || got.Header.Get("Www-Authenticate") != "" {
			t.Errorf("want to hear %s: status %d, headers %v", want, got.StatusCode, got.Header)
		}
	}
}

// TestHTTPHideHops keeps the hop out of all three forms.
func TestHTTPHideHops(t *testing.T) {
	t.Parallel()
	server := newWorld(t).server(t, interceptor.Authenticated(), interceptor.Name("orders"), interceptor.HideHops())
	handler := httpHandler(t, server, &httpService{})
	for _, contentType := range []string{"application/grpc", "application/connect+proto", "application/proto"} {
		got := answerOf(t, handler, httpRequest(t, http.MethodPost, unaryCall, http.Header{"Content-Type": {contentType}}))
		if says := refusalIn(t, got); says.Reason != token.ReasonMissing || says.Hop != "" {
			t.Errorf("%s says %+v", contentType, says)
		}
	}
}

// endless is a body that must not be read.
type endless struct{ t *testing.T }

func (e endless) Read([]byte) (int, error) {
	e.t.Error("the body was read")
	return 0, io.EOF
}

// TestARefusalReadsNoBody in the handler itself.
func TestARefusalReadsNoBody(t *testing.T) {
	t.Parallel()
	handler := httpHandler(t, newWorld(t).server(t, interceptor.Authenticated()), &httpService{})
	r := httpRequest(t, http.MethodPost, unaryCall, http.Header{})
	r.Body, r.ContentLength = io.NopCloser(endless{t}), -1
	wantReason(t, answerOf(t, handler, r), token.ReasonMissing)
}

// TestARefusalWaitsForNoBody has clients that go on sending, or never begin to,
// until they have read the answer.
func TestARefusalWaitsForNoBody(t *testing.T) {
	t.Parallel()
	next := &httpService{}
	handler := httpHandler(t, newWorld(t).server(t, interceptor.Authenticated()), next)
	server := serveHTTP1(t, handler)
	for name, lines := range map[string][]string{
		"chunked, without end":     {"Transfer-Encoding: chunked", "", "5\r\nhello"},
		"chunked, never begun":     {"Transfer-Encoding: chunked"},
		"half of what was said":    {"Content-Length: 10", "", "hello"},
		"a lot of it":              {"Content-Length: 1000000000", "", strings.Repeat("x", 100_000)},
		"waiting for 100 Continue": {"Expect: 100-continue", "Content-Length: 10"},
	} {
		t.Run("HTTP/1.1, "+name, func(t *testing.T) {
			t.Parallel()
			wire := newWire(t, server.Listener.Addr().String())
			wire.send(t, append([]string{"POST " + unaryCall + " HTTP/1.1", "Host: a"}, lines...)...)
			got := wire.receive(t)
			wantReason(t, got, token.ReasonMissing)
			if !got.Close {
				t.Error("the connection is not closed, and what follows would be taken for a request")
			}
		})
	}
	t.Run("HTTP/1.1, no body", func(t *testing.T) {
		t.Parallel()
		wire := newWire(t, server.Listener.Addr().String())
		for range 2 {
			wire.send(t, "GET "+unaryCall+" HTTP/1.1", "Host: a")
			if got := wire.receive(t); got.Close {
				t.Error("the connection is closed")
			}
		}
	})
	t.Run("HTTP/2", func(t *testing.T) {
		t.Parallel()
		server := serveHTTP2(t, handler)
		body, writer := io.Pipe()
		defer func() { _ = writer.Close() }()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+unaryCall, body)
		if err != nil {
			t.Fatal(err)
		}
		got := exchange(t, server.Client(), r)
		wantReason(t, got, token.ReasonMissing)
		if got.ProtoMajor != 2 || len(got.Trailer) > 0 {
			t.Errorf("%s, trailers %v", got.Proto, got.Trailer)
		}
	})
}

// TestARefusalLeavesNoGoroutine has a client that goes away in the middle of its
// body. The bubble fails the test if anything stays behind.
func TestARefusalLeavesNoGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler := httpHandler(t, newWorld(t).server(t, interceptor.Authenticated()), &httpService{})
		listener := bufconn.Listen(1 << 10)
		server := &http.Server{Handler: handler} //nolint:gosec // no time-out is to help it
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		conn, err := listener.DialContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wire := wire{conn, bufio.NewReader(conn)}
		wire.send(t, "POST "+unaryCall+" HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "", "5\r\nhello")
		wantReason(t, wire.receive(t), token.ReasonMissing)
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if err := server.Shutdown(t.Context()); err != nil { // waits for the handler
			t.Fatal(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}
