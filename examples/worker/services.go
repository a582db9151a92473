package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	echov1 "github.com/jwtrelay/jwtrelay/examples/gen/echo/v1"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// archive is the service that the worker calls. It keeps who called: not who
// the worker says, but who the token says that it verified.
type archive struct {
	echov1.UnimplementedEchoServiceServer

	mu     sync.Mutex
	visits []visit
}

// visit is a call, and whose token came with it.
type visit struct{ message, subject, fingerprint string }

// Echo keeps a visit. The interceptor lets nobody in without a token.
func (a *archive) Echo(ctx context.Context, request *echov1.EchoRequest) (*echov1.EchoResponse, error) {
	caller, _ := token.FromContext(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.visits = append(a.visits, visit{request.GetMessage(), caller.Subject(), caller.Fingerprint()})
	return new(echov1.EchoResponse), nil
}

// of returns the visits with this message.
func (a *archive) of(message string) []visit {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.visits), func(v visit) bool { return v.message != message })
}

// ownLife is how long the service's own tokens live.
const ownLife = 5 * time.Minute

// endpoint stands in for the token endpoint of an identity provider. Its only
// client is the worker, and it is called without a network.
type endpoint struct {
	issuer *jwttest.Issuer
	secret string
	given  atomic.Int32 // tokens so far
}

// RoundTrip grants client credentials (RFC 6749 section 4.4).
func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	id, secret, _ := r.BasicAuth()
	if id != workerName || secret != e.secret || r.FormValue("grant_type") != "client_credentials" {
		answer.WriteHeader(http.StatusUnauthorized)
		return answer.Result(), nil
	}
	e.given.Add(1)
	raw := e.issuer.Token(jwttest.Subject(workerName), jwttest.ExpiresIn(ownLife))
	answer.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(answer, `{"access_token":%q,"token_type":"Bearer","expires_in":%.0f}`, raw, ownLife.Seconds())
	return answer.Result(), nil
}
