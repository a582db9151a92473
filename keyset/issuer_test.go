package keyset_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

const issuerURL = "https://id.example.com/jwks"

// answer is what an issuer does with a request. It must heed its context.
type answer func(request *http.Request) (*http.Response, error)

// issuer serves keys without a network: it is an [http.RoundTripper].
type issuer struct {
	mu       sync.Mutex
	answer   answer
	requests []string // their URLs
	times    []time.Time
	headers  []http.Header
}

func (i *issuer) RoundTrip(request *http.Request) (*http.Response, error) {
	i.mu.Lock()
	i.requests = append(i.requests, request.URL.String())
	i.times = append(i.times, time.Now())
	i.headers = append(i.headers, request.Header.Clone())
	answer := i.answer
	i.mu.Unlock()
	return answer(request)
}

// becomes changes how it answers from now on.
func (i *issuer) becomes(a answer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = a
}

// serves makes it answer with these keys.
func (i *issuer) serves(keys ...jwk) { i.becomes(body(jwks(keys...))) }

// count returns how many requests it got.
func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.requests)
}

// last returns when it got the last request.
func (i *issuer) last() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.times[len(i.times)-1]
}

// counting returns how many requests it gets while do runs.
func (i *issuer) counting(do func()) int {
	before := i.count()
	do()
	return i.count() - before
}

func body(content []byte) answer { return status(http.StatusOK, content) }

func status(code int, content []byte) answer {
	return func(request *http.Request) (*http.Response, error) {
		return response(request, code, bytes.NewReader(content)), nil
	}
}

func response(request *http.Request, code int, content io.Reader) *http.Response {
	return &http.Response{
		StatusCode: code, Request: request, Header: http.Header{}, ContentLength: -1,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(content),
	}
}

func redirect(to string) answer {
	return func(request *http.Request) (*http.Response, error) {
		r := response(request, http.StatusFound, strings.NewReader(""))
		r.Header.Set("Location", to)
		return r, nil
	}
}

// after makes a slow.
func after(delay time.Duration, a answer) answer {
	return func(request *http.Request) (*http.Response, error) {
		if err := sleep(request.Context(), delay); err != nil {
			return nil, err
		}
		return a(request)
	}
}

func hang(request *http.Request) (*http.Response, error) {
	<-request.Context().Done()
	return nil, request.Context().Err()
}

func down(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }

// drip sends a byte a second.
func drip(request *http.Request) (*http.Response, error) {
	return response(request, http.StatusOK, &dripping{request.Context(), jwks(edJWK())}), nil
}

type dripping struct {
	ctx  context.Context //nolint:containedctx // a body lives as long as its request
	rest []byte
}

func (d *dripping) Read(p []byte) (int, error) {
	if len(d.rest) == 0 {
		return 0, io.EOF
	}
	if err := sleep(d.ctx, time.Second); err != nil {
		return 0, err
	}
	n := copy(p[:1], d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func sleep(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// remote is a remote set and its issuer, in a bubble of fake time.
type remote struct {
	*keyset.Remote
	*issuer
	t   *testing.T
	log *record
}

// fetched runs test with a set that was told config. The issuer serves the one
// key "a" unless first says otherwise; the first answer is there.
func fetched(t *testing.T, config keyset.RemoteConfig, first answer, test func(t *testing.T, r *remote)) {
	t.Helper()
	if first == nil {
		first = body(jwks(edJWK().named("a")))
	}
	synctest.Test(t, func(t *testing.T) {
		r := &remote{issuer: &issuer{answer: first}, t: t, log: new(record)}
		config.Client = &http.Client{Transport: r.issuer}
		config.Logger = r.log.logger()
		set, err := keyset.Fetch(issuerURL, config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = set.Close() })
		r.Remote = set
		synctest.Wait()
		test(t, r)
	})
}

// key asks for an EdDSA key and returns how long that took.
func (r *remote) key(id string) (time.Duration, error) {
	start := time.Now()
	_, err := r.Key(r.t.Context(), id, keyset.EdDSA)
	return time.Since(start), err
}

// want checks the answer for an id: nil is a key.
func (r *remote) want(id string, want error) {
	r.t.Helper()
	if _, err := r.key(id); !errors.Is(err, want) {
		r.t.Errorf("key %q: got %v, want %v", id, err, want)
	}
}

// wantAtOnce checks that a known key is given without any delay.
func (r *remote) wantAtOnce(id string) {
	r.t.Helper()
	if took, err := r.key(id); err != nil || took != 0 {
		r.t.Errorf("key %q: %v after %v", id, err, took)
	}
}

// wantUnavailable checks that the answer is "can't tell", with a time to come
// again of at most atMost.
func (r *remote) wantUnavailable(id string, atMost time.Duration) {
	r.t.Helper()
	_, err := r.key(id)
	wait := keyset.RetryAfter(err)
	if !errors.Is(err, keyset.ErrUnavailable) || wait <= 0 || wait > atMost {
		r.t.Errorf("key %q: %v, again after %v", id, err, wait)
	}
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
