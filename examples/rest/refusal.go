package main

import (
	"context"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
)

// matchOutgoing lets pass what an HTTP client has to know of an answer's
// metadata, under its own name. By default all of it passes, as Grpc-Metadata-*.
func matchOutgoing(key string) (header string, ok bool) {
	switch key {
	case "www-authenticate", "retry-after":
		return key, true
	default:
		return "", false
	}
}

// answerError answers as grpc-gateway does, but for WWW-Authenticate. There it
// puts the error's text, which is no challenge (RFC 9110 section 11.6.1), in
// front of the one that the server sent. Errors of streams don't come here, and
// don't have this flaw.
func answerError(
	ctx context.Context, mux *runtime.ServeMux, marshaler runtime.Marshaler,
	w http.ResponseWriter, r *http.Request, err error,
) {
	sent, _ := runtime.ServerMetadataFromContext(ctx)
	w = challenger{w, sent.HeaderMD.Get("www-authenticate")}
	runtime.DefaultHTTPErrorHandler(ctx, mux, marshaler, w, r, err)
}

// challenger is a response with these challenges and no others.
type challenger struct {
	http.ResponseWriter
	challenges []string
}

// WriteHeader implements [http.ResponseWriter].
func (c challenger) WriteHeader(code int) {
	c.Header()["Www-Authenticate"] = c.challenges
	c.ResponseWriter.WriteHeader(code)
}
