package main

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestARefusalIsLoggedWithItsCauseAndWithoutTheToken(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	for name, test := range map[string]struct {
		raw    string
		reason token.Reason
		cause  string
	}{
		"expired":        {issuer.Token(jwttest.Expired(time.Hour)), token.ReasonExpired, "exp"},
		"other audience": {issuer.Token(jwttest.Audience("elsewhere")), token.ReasonAudienceMismatch, "aud"},
		"forged":         {issuer.Token(jwttest.Forged()), token.ReasonSignatureInvalid, "signature does not hold"},
		"unknown key":    {issuer.Token(jwttest.SignedBy(jwttest.NewKey(t, "ES256"))), token.ReasonKeyUnknown, "key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range kinds {
				server := start(t, issuer, "-name", "one")
				_, err := kind.call(with(t, test.raw), server.client(t), &echov1.EchoRequest{})
				wantRefusal(t, err, codes.Unauthenticated, test.reason, "one")

				line := server.log.line(t, string(test.reason))
				if !strings.Contains(line, "/jwtrelay.examples.echo.v1.EchoService/"+kind.name) {
					t.Errorf("no method in %s", line)
				}
				_, cause, _ := strings.Cut(line, "cause=")
				if !strings.Contains(cause, test.cause) {
					t.Errorf("no cause with %q in %s", test.cause, line)
				}
				for part := range strings.SplitSeq(test.raw, ".") {
					if strings.Contains(server.log.String(), part) {
						t.Errorf("a part of the token is in the log:\n%s", server.log)
					}
				}
			}
		})
	}
}
