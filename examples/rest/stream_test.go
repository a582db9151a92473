package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestAStreamIsALinePerMessage(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	r := start(t, issuer)
	body, code, _ := send(t, r, http.MethodGet, "/v1/expand/"+message+"?repeat=3", "",
		http.Header{"Authorization": {"Bearer " + issuer.Token()}})
	if lines := bytes.Count(body, []byte("\n")); code != http.StatusOK || lines != 3 {
		t.Errorf("HTTP status %d with %d lines:\n%s", code, lines, body)
	}
}

// After the first message it is too late for another HTTP status, and for
// headers: the error is the last line.
func TestAStreamThatIsRefusedLateSaysSoInItsLastLine(t *testing.T) {
	t.Parallel()
	issuer := jwttest.NewIssuer(t)
	r := start(t, issuer)
	r.upstream.refuse(refusal(codes.Unauthenticated, token.ReasonExpired))
	authorization := "Bearer " + issuer.Token()
	body, code, a := send(t, r, http.MethodGet, "/v1/expand/"+message+"?repeat=2", "",
		http.Header{"Authorization": {authorization}})
	first, rest, _ := strings.Cut(string(body), "\n")
	last, more, _ := strings.Cut(rest, "\n")
	if code != http.StatusOK || !strings.Contains(first, `"result"`) || !strings.Contains(last, string(token.ReasonExpired)) || more != "" {
		t.Errorf("HTTP status %d:\n%s", code, body)
	}
	wantNoToken(t, "Expand by HTTP", a, []string{authorization})
}
