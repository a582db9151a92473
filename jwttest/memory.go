package jwttest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
)

// memory is a transport that calls a handler instead of a network. Both ends
// wait for each other on channels only, so that a testing/synctest bubble
// knows them for blocked.
type memory struct {
	handler http.Handler
}

// RoundTrip returns when the handler has written its header or the request's
// context ends. As with a real server, the context of the handler ends when
// that of the request does, or when the body is closed.
func (m memory) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	reply := newReply(req.Method)
	release := context.AfterFunc(ctx, func() { reply.abort(context.Cause(ctx)) })
	go func() {
		defer cancel()
		defer release()
		err := m.handle(reply, incoming(ctx, req))
		if ctx.Err() != nil {
			// A handler that gave up must not pass for one that was done.
			reply.abort(context.Cause(ctx))
		}
		reply.finish(err)
	}()
	select {
	case <-reply.started:
	case <-req.Context().Done():
	}
	if req.Context().Err() != nil {
		cancel()
		return nil, context.Cause(req.Context())
	}
	return reply.response(req, cancel)
}

// handle calls the handler. Its panic is an error, as with a real server,
// which drops the connection: the client reads to an early end.
func (m memory) handle(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() { _ = r.Body.Close() }()
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = io.EOF
		default:
			err = fmt.Errorf("jwttest: the handler panicked: %v", p)
		}
	}()
	m.handler.ServeHTTP(w, r)
	return nil
}

// incoming is req as a server sees it.
func incoming(ctx context.Context, req *http.Request) *http.Request {
	r := req.Clone(ctx)
	r.RequestURI = req.URL.RequestURI()
	r.RemoteAddr = "192.0.2.1:1234"
	if r.Host == "" {
		r.Host = req.URL.Host
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if req.URL.Scheme == "https" {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true, ServerName: req.URL.Hostname()}
	}
	return r
}
