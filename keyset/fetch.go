package keyset

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// fetcher gets the JWK Set from its endpoint.
type fetcher struct {
	client   *http.Client
	endpoint *endpoint
	timeout  time.Duration
	maxBody  int64
	rules    jwkRules
}

// fetch returns the keys that the endpoint serves now. Its errors quote at most
// a few words of what was served.
func (f *fetcher) fetch(ctx context.Context) (*snapshot, []Skipped, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	body, err := f.get(ctx)
	if ctx.Err() != nil {
		// Not the context's own error: a caller would take it for theirs.
		err = fmt.Errorf("no complete answer within %v", f.timeout)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("GET %v: %w", f.endpoint, ownWords(err))
	}
	keys, skipped, err := parseJWKS(body, f.rules)
	if err != nil {
		return nil, skipped, fmt.Errorf("GET %v: JWK Set: %w", f.endpoint, err)
	}
	return keys, skipped, nil
}

func (f *fetcher) get(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.endpoint.url.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	request.Header.Set("User-Agent", "jwtrelay")
	response, err := f.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was read, or is given up
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	}
	return readBounded(response.Body, f.maxBody)
}

// ownWords drops the [url.Error] around err, which names the URL of the last
// redirect, and cuts the text short: both are the server's words.
func ownWords(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &shortError{err}
}

// shortError is an error whose text may quote what a server sent.
type shortError struct{ err error }

// maxCause is long enough for what a network or TLS has to say.
const maxCause = 256

// Error returns the beginning of the text.
func (e *shortError) Error() string { return clipTo(maxCause, e.err.Error()) }

// Unwrap returns the whole.
func (e *shortError) Unwrap() error { return e.err }
