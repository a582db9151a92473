package jwttest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/jwtrelay/jwtrelay/jwttest"
)

// serving returns a client of an issuer that answers by a handler.
func serving(t *testing.T, handler http.HandlerFunc) (client *http.Client, url string) {
	t.Helper()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	issuer.AnswerWith(handler)
	return issuer.Client(), issuer.JWKSURL()
}

// open is a GET whose answer is not read yet.
func open(t *testing.T, client *http.Client, url string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func TestInMemoryTheHandlerSeesTheRequest(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	client, url := serving(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r
		_, _ = io.Copy(w, r.Body)
	})
	got, err := exchange(t.Context(), client, http.MethodPost, url+"?q=1", strings.NewReader("ping"))
	if got.body != "ping" || err != nil {
		t.Errorf("body is %q, %v", got.body, err)
	}
	if seen.RequestURI != "/jwks.json?q=1" || seen.Host != "issuer.test" || seen.TLS == nil || seen.RemoteAddr == "" {
		t.Errorf("the handler saw %+v", seen)
	}
}

func TestInMemoryHeadersAreThoseAtTheFirstByte(t *testing.T) {
	t.Parallel()
	client, url := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("A", "1")
		w.WriteHeader(http.StatusAccepted)
		w.Header().Set("A", "2")
		w.WriteHeader(http.StatusTeapot)
	})
	if got := mustGet(t, client, url); got.status != http.StatusAccepted || got.header.Get("A") != "1" {
		t.Errorf("status %d, header %v", got.status, got.header)
	}
}

func TestInMemoryAHandlerThatSaysNothingAnswers200(t *testing.T) {
	t.Parallel()
	client, url := serving(t, func(http.ResponseWriter, *http.Request) {})
	if got := mustGet(t, client, url); got.status != http.StatusOK || got.body != "" {
		t.Errorf("status %d, body %q", got.status, got.body)
	}
}

func TestInMemoryHEADHasNoBody(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	got, err := exchange(t.Context(), issuer.Client(), http.MethodHead, issuer.JWKSURL(), nil)
	if got.body != "" || err != nil || got.length != int64(len(issuer.JWKS())) {
		t.Errorf("got %q, %v, length %d", got.body, err, got.length)
	}
}

func TestInMemoryAPanicAfterTheHeaderCutsTheBody(t *testing.T) {
	t.Parallel()
	client, url := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	})
	if got, err := get(t.Context(), client, url); got.body != "half" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q, %v", got.body, err)
	}
}

func TestInMemoryAClosedBodyEndsTheHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		client, url := serving(t, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			_, err := io.WriteString(w, "too late")
			ended <- err
		})
		response := open(t, client, url)
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err == nil {
			t.Error("the handler could write to nobody")
		}
	})
}

func TestInMemoryARequestThatEndedBeforeIsNotAnswered(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t, jwttest.InMemory())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := get(ctx, issuer.Client(), issuer.JWKSURL()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestInMemoryABodyMayBeLeftUnread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := jwttest.NewIssuer(t, jwttest.InMemory())
		issuer.Inflate(1 << 40)
		response := open(t, issuer.Client(), issuer.JWKSURL())
		if _, err := io.CopyN(io.Discard, response.Body, 1<<10); err != nil {
			t.Error(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	})
}
