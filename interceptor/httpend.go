package interceptor

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/status"

	"github.com/jwtrelay/jwtrelay/token"
)

// writeGrace is how long the handler of a request may go on writing after the end of
// its token: long enough to say so, or to end what it is saying.
const writeGrace = time.Second

// serve passes a request on that was let in with ctx, and ends it with its token.
func (h *httpHandler) serve(ctx context.Context, w http.ResponseWriter, r *http.Request, found asked) {
	t, ok := token.FromContext(ctx)
	if !ok {
		h.pass(w, r, ctx)
		return
	}
	ctx, lease := h.server.newLease(ctx, t, found.name)
	lease.response = w
	defer hangUp(w, r, lease)
	defer lease.release()
	lease.start()                                   //nolint:contextcheck // it has the context
	if refused := lease.refused(); refused != nil { // it ended while it was verified
		refused.writeTo(w, r, found.isMethod)
		return
	}
	h.pass(w, r, ctx)
	if refused := lease.settle(); refused != nil && found.isMethod && isNativeGRPC(r) {
		endGRPC(w.Header(), r, refused.GRPCStatus())
	}
}

// cutOff frees a handler that is blocked: what it reads fails from now on, and what
// it writes when the grace is over. Where the server can't do that, the context has
// to do.
func cutOff(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Unix(1, 0))
	_ = control.SetWriteDeadline(time.Now().Add(writeGrace)) //nolint:forbidigo // connections go by the machine's clock
}

// hangUp has net/http close the HTTP/1 connection of a request that ended with its
// token, behind the answer. The deadline for reading has broken it: net/http takes
// the failing read for a client who has gone, and the context of each later request,
// be it another user's by the same proxy, would be over before it begins.
//
// Too long a body is the one thing after which a ResponseWriter does that although
// the headers may have been sent: see [http.MaxBytesReader].
func hangUp(w http.ResponseWriter, r *http.Request, l *lease) {
	if l.refused() == nil || r.ProtoMajor > 1 {
		return
	}
	for {
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = outer.Unwrap()
	}
	tooLong := http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0)
	_, _ = tooLong.Read(make([]byte, 1))
}

// isNativeGRPC reports whether r is a call by gRPC itself, which has its status in
// trailers.
func isNativeGRPC(r *http.Request) bool {
	contentType := strings.ToLower(r.Header.Get("Content-Type"))
	return r.ProtoMajor > 1 && r.Method == http.MethodPost && isGRPC(contentType) && !strings.HasPrefix(contentType, "application/grpc-web")
}

// endGRPC ends a call by gRPC with a status, whatever its handler said of its end:
// gRPC's own server says nothing at all once the context is over. Headers may have
// been sent, so the status goes into the trailers.
func endGRPC(header http.Header, r *http.Request, s *status.Status) {
	said := make(http.Header)
	writeGRPC(said, r.Header.Get("Content-Type"), s, detailsOf(s))
	for name, values := range said {
		if name == "Content-Type" {
			header[name] = values
			continue
		}
		header.Del(name)
		header[http.TrailerPrefix+name] = values
	}
}
