package jwttest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
)

// reply is what a handler writes to and, from its header on, the response that
// a client reads. The body passes through as it is written.
type reply struct {
	method  string
	header  http.Header   // the handler's
	started chan struct{} // closed when what follows is settled
	status  int
	sent    http.Header
	err     error // why there is no response
	reader  *io.PipeReader
	writer  *io.PipeWriter
	written int64
}

func newReply(method string) *reply {
	reader, writer := io.Pipe()
	return &reply{
		method: method, header: make(http.Header), started: make(chan struct{}),
		reader: reader, writer: writer,
	}
}

// Header implements [http.ResponseWriter].
func (r *reply) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter].
func (r *reply) WriteHeader(status int) {
	informational := status >= 100 && status < 200
	if r.begun() || informational {
		return
	}
	r.status, r.sent = status, r.header.Clone()
	maps.DeleteFunc(r.sent, func(_ string, values []string) bool { return len(values) == 0 })
	close(r.started)
}

// Write implements [http.ResponseWriter]. It waits for the client to read.
func (r *reply) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	switch {
	case r.method == http.MethodHead:
		return len(p), nil
	case r.bodiless():
		return 0, http.ErrBodyNotAllowed
	}
	n, err := r.writer.Write(p)
	r.written += int64(n)
	return n, err
}

// Flush implements [http.Flusher]: the header is all that could be held back.
func (r *reply) Flush() { r.WriteHeader(http.StatusOK) }

// begun reports whether the header is out. Only the handler's goroutine may
// ask.
func (r *reply) begun() bool { return r.sent != nil || r.err != nil }

// finish ends the reply when the handler has returned.
func (r *reply) finish(err error) {
	if err != nil && !r.begun() {
		r.err = err
		close(r.started)
	}
	r.WriteHeader(http.StatusOK)
	if err != nil || (r.method != http.MethodHead && !r.bodiless() && r.written < r.promised()) {
		r.abort(io.ErrUnexpectedEOF)
		return
	}
	r.abort(io.EOF)
}

// abort ends the body with err, unless it has ended before.
func (r *reply) abort(err error) { _ = r.writer.CloseWithError(err) }

// bodiless reports whether an answer with this status has no body (RFC 9110
// section 6.4.1).
func (r *reply) bodiless() bool {
	return r.status == http.StatusNoContent || r.status == http.StatusNotModified
}

// promised is the length of the body by the header, -1 if it doesn't say.
func (r *reply) promised() int64 {
	length, err := strconv.ParseInt(r.sent.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return length
}

// length is that of the body as a client learns it.
func (r *reply) length() int64 {
	if r.bodiless() {
		return 0
	}
	return r.promised()
}

// response returns what the client gets, once started is closed.
func (r *reply) response(req *http.Request, cancel context.CancelFunc) (*http.Response, error) {
	if r.err != nil {
		cancel()
		return nil, r.err
	}
	return &http.Response{
		Status:     fmt.Sprintf("%03d %s", r.status, http.StatusText(r.status)),
		StatusCode: r.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        r.sent,
		ContentLength: r.length(),
		Body:          body{r.reader, cancel},
		Request:       req,
	}, nil
}

// body is the client's end of a reply.
type body struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close ends the handler's request: nobody reads on.
func (b body) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
