package keyset

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// fetcher gets documents by HTTP, by the rules of one set.
type fetcher struct {
	client  *http.Client // without the rules for redirects, which are the endpoint's
	timeout time.Duration
	maxBody int64
	clock   func() time.Time
}

// document is what an endpoint served last, as far as asking again needs it.
type document struct {
	endpoint *endpoint
	etag     string
	modified string // Last-Modified
}

// reply is an answer to a request for a document.
type reply struct {
	unchanged bool // 304: it is what was accepted last
	content   []byte
	lifetime  time.Duration // how long it says to be good; 0 if it doesn't
	document  document      // to accept, if the content proves to be good
}

// get asks for a document: with conditional, whether it changed since it was
// last accepted (RFC 9110 section 13.1). Its errors quote at most a few words
// of what was served.
func (f *fetcher) get(ctx context.Context, d document, accept string, conditional bool) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	r, err := f.do(ctx, d, accept, conditional)
	if ctx.Err() != nil {
		// Not the context's own error: a caller would take it for theirs.
		err = fmt.Errorf("no complete answer within %v", f.timeout)
	}
	if err != nil {
		return reply{}, fmt.Errorf("GET %v: %w", d.endpoint, ownWords(err))
	}
	return r, nil
}

func (f *fetcher) do(ctx context.Context, d document, accept string, conditional bool) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.endpoint.url.String(), http.NoBody)
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Accept", accept)
	request.Header.Set("User-Agent", "jwtrelay")
	conditional = conditional && d.setConditions(request.Header)
	response, err := d.endpoint.guard(f.client).Do(request)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }() // it was read, or is given up
	now := f.clock()
	switch {
	case response.StatusCode == http.StatusOK:
	case response.StatusCode == http.StatusNotModified && conditional:
		return reply{unchanged: true, lifetime: lifetime(response.Header, now), document: d}, nil
	default:
		return reply{}, &statusError{code: response.StatusCode, retryAfter: retryAfter(response.Header, now)}
	}
	content, err := readBounded(response.Body, f.maxBody)
	if err != nil {
		return reply{}, err
	}
	return reply{content: content, lifetime: lifetime(response.Header, now), document: d.with(response.Header)}, nil
}

// setConditions asks for the document only if it changed, and reports whether
// there is something to compare it by.
func (d document) setConditions(header http.Header) bool {
	if d.etag != "" {
		header.Set("If-None-Match", d.etag)
	}
	if d.modified != "" {
		header.Set("If-Modified-Since", d.modified)
	}
	return d.etag != "" || d.modified != ""
}

// maxValidator bounds what is kept to compare a document by, in bytes.
const maxValidator = 1 << 10

// with returns d as the answer with these headers describes it.
func (d document) with(header http.Header) document {
	d.etag, d.modified = header.Get("ETag"), header.Get("Last-Modified")
	if len(d.etag)+len(d.modified) > maxValidator {
		d.etag, d.modified = "", ""
	}
	return d
}

// statusError is an answer of another status than was hoped for.
type statusError struct {
	code       int
	retryAfter time.Duration // 0 if it doesn't say
}

func (e *statusError) Error() string {
	return fmt.Sprintf("status %d %s", e.code, http.StatusText(e.code))
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
