package jwttest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// Every testing.TB will do.
var _ jwttest.TB = testing.TB(nil)

// answer is an HTTP answer read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	length int64
}

// get reads the answer of url. The error is that of the request or of the body.
func get(ctx context.Context, client *http.Client, url string, header ...string) (answer, error) {
	return exchange(ctx, client, http.MethodGet, url, nil, header...)
}

// exchange is get for any request.
func exchange(ctx context.Context, client *http.Client, method, url string, content io.Reader, header ...string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, content)
	if err != nil {
		return answer{}, err
	}
	for n := 0; n+1 < len(header); n += 2 {
		request.Header.Set(header[n], header[n+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(response.Body)
	err = errors.Join(err, response.Body.Close())
	return answer{response.StatusCode, response.Header, string(body), response.ContentLength}, err
}

// mustGet is get for an answer that must come.
func mustGet(t *testing.T, client *http.Client, url string, header ...string) answer {
	t.Helper()
	a, err := get(t.Context(), client, url, header...)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	return a
}

// transport is a way to an issuer.
type transport struct {
	name   string
	opts   []jwttest.Option
	client func(*jwttest.Issuer) *http.Client
}

// transports returns both ways to an issuer, which should not differ.
func transports() []transport {
	return []transport{
		{"in memory", []jwttest.Option{jwttest.InMemory()}, (*jwttest.Issuer).Client},
		{"over HTTP", nil, func(*jwttest.Issuer) *http.Client { return &http.Client{} }},
	}
}

// bothWays runs a test over each transport.
func bothWays(t *testing.T, test func(*testing.T, *jwttest.Issuer, *http.Client)) {
	for _, way := range transports() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			issuer := jwttest.NewIssuer(t, way.opts...)
			test(t, issuer, way.client(issuer))
		})
	}
}

// verify checks a token as a careful service does, by golang-jwt.
func verify(issuer *jwttest.Issuer, raw string, opts ...jwt.ParserOption) (*jwt.Token, error) {
	opts = append(opts, jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithIssuer(issuer.URL()), jwt.WithAudience(issuer.Audience()...))
	return jwt.Parse(raw, func(token *jwt.Token) (any, error) {
		key := issuer.Key(keyset.Algorithm(token.Method.Alg()))
		if token.Header["kid"] != key.ID() {
			return nil, errors.New("another key")
		}
		if secret := key.Secret(); secret != nil {
			return secret, nil
		}
		return key.Public(), nil
	}, opts...)
}

// claimsOf returns what a token says, verified or not.
func claimsOf(t *testing.T, raw string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(raw, claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// recorder is a test whose failure is what another test looks for.
type recorder struct {
	mu       sync.Mutex
	message  string
	cleanups []func()
}

func (r *recorder) Helper() {}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.mu.Lock()
	r.message = fmt.Sprintf(format, args...)
	r.mu.Unlock()
	runtime.Goexit()
}

// failure returns how f fails its test, "" if it doesn't.
func failure(f func(tb jwttest.TB)) string {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	for _, cleanup := range r.cleanups {
		cleanup()
	}
	return r.message
}
