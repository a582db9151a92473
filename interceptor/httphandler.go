package interceptor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/jwtrelay/jwtrelay/token"
)

// HTTPHandler returns a handler that decides on requests as the interceptors do
// on calls, and passes what is let in to next. It is for servers of connect-go
// and for gRPC's own ServeHTTP: with Connect, gRPC and gRPC-Web alike the path of
// a request is the full name of a method, and the rule is that of the method. It
// also does for plain net/http, with [PublicPaths] and [AuthenticatedPaths]: a
// path that is neither a method with a rule nor named there is refused.
//
// next finds the token in the request's context, see [token.FromContext], and
// what it calls with that context by a [Client] relays it. A browser sends CORS
// preflights without a token, so put the handler that answers them around this
// one; it then adds its headers to refusals as well.
//
// A request lives no longer than its token. When that has expired, leeway included,
// or is revoked, the request's context ends, for a cause that [RefusalFrom] reads.
// From then on reading the body fails, and a second later writing does: by
// [http.ResponseController], where the server and whoever wraps its ResponseWriter
// (by a method Unwrap) let it. What the caller is told within that second is for next
// to say; if it says nothing, that is 200, and from Connect's handlers it is "canceled"
// unless an interceptor of theirs says the cause.
//
// To gRPC's clients HTTPHandler says the reason itself, in the trailers, when next has
// returned. gRPC's own server returns at once, even if its handler sleeps or is
// blocked, unless the client does not read: then the stream is reset after the second.
// The cause in the context of such a handler may be a bare [context.Canceled], for
// gRPC cancels it too; a [Client] finds the reason all the same. If that server has
// [Server.Options] as well, the status is the same whoever writes it, and either tells
// its observer, or both do.
//
// What can't be ended: a handler that looks neither at its context nor at the errors
// of what it reads and writes, one that sets deadlines of its own afterwards, a
// connection that is hijacked after the end, and one hijacked before once the handler
// has returned. An HTTP/1 connection is closed
// behind a request that ended. In shadow no request ends.
//
// A refusal is told in the caller's protocol: to gRPC and gRPC-Web as a status in
// the headers, to a Connect stream in its last frame, to all others by 401, 403, 429
// or 503, WWW-Authenticate (RFC 6750 section 3), Retry-After, and JSON that
// Connect's clients read. It doesn't wait for the request's body: some clients send
// the rest only once they see an answer. What [HideHops] takes out
// of handlers' errors is not taken out here, where they are bytes already.
//
// It fails on a nil handler and on options that make no sense.
func (s *Server) HTTPHandler(next http.Handler, options ...HTTPOption) (http.Handler, error) {
	if next == nil {
		return nil, errors.New("interceptor: HTTPHandler of a nil handler")
	}
	h := &httpHandler{server: s, next: next}
	for _, option := range options {
		if option == nil {
			return nil, errors.New("interceptor: nil option")
		}
		if err := option.applyHTTP(h); err != nil {
			return nil, fmt.Errorf("interceptor: %w", err)
		}
	}
	s.installed.Store(true)
	return h, nil
}

// HTTPOption changes what [Server.HTTPHandler] does. This package has them all.
type HTTPOption interface {
	applyHTTP(h *httpHandler) error
}

type httpOption func(h *httpHandler) error

func (o httpOption) applyHTTP(h *httpHandler) error { return o(h) }

// MountedAt says below which path the methods are: for MountedAt("/api") the
// method /acme.Orders/Get is at /api/acme.Orders/Get, and nowhere else. The
// request is passed on as it is; if next must not see the prefix, it is for
// [http.StripPrefix] to take it off, between the two. Paths of other options are
// whole paths.
func MountedAt(prefix string) HTTPOption {
	return httpOption(func(h *httpHandler) error {
		if !isPath(prefix) || strings.HasSuffix(prefix, "/") {
			return fmt.Errorf("MountedAt(%q): not a path such as /api", prefix)
		}
		if h.prefix != "" {
			return fmt.Errorf("MountedAt(%q): it is mounted at %s already", prefix, h.prefix)
		}
		h.prefix = prefix
		return nil
	})
}

// UncheckedPreflights passes CORS preflights on to next, whatever their path and
// without a token, where what answers them can't be put around this handler.
// Anyone can make a request that looks like a preflight, so next must answer
// every OPTIONS by itself, as the handlers of gRPC and Connect do. One that
// doesn't look at the method, such as [http.FileServer], would serve it.
func UncheckedPreflights() HTTPOption {
	return httpOption(func(h *httpHandler) error {
		h.passPreflights = true
		return nil
	})
}

// httpHandler implements [Server.HTTPHandler].
type httpHandler struct {
	server *Server
	next   http.Handler
	prefix string
	paths  map[string]*rule

	passPreflights bool
}

// ServeHTTP implements [http.Handler].
func (h *httpHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := peer.NewContext(r.Context(), peerOf(r))
	if h.passPreflights && isPreflight(r) {
		h.pass(w, r, token.NewContext(ctx, nil))
		return
	}
	found := h.ruleFor(r.URL, r.Method == http.MethodPost && isGRPC(strings.ToLower(r.Header.Get("Content-Type"))))
	header := r.Header
	if header == nil {
		header = http.Header{}
	}
	t, refused := h.server.decide(ctx, incoming{method: found.name, rule: found.rule, header: header})
	if refused != nil {
		refused.writeTo(w, r, found.isMethod)
		return
	}
	h.serve(token.NewContext(ctx, t), w, r, found)
}

// pass passes a request on.
func (h *httpHandler) pass(w http.ResponseWriter, r *http.Request, ctx context.Context) { //nolint:revive // the context is the request's new one
	r = r.WithContext(ctx)
	if slices.ContainsFunc(h.server.stripped, func(key string) bool { return len(r.Header.Values(key)) > 0 }) {
		r.Header = r.Header.Clone()
		h.server.stripHTTP(r.Header)
	}
	if len(h.server.stripped) > 0 {
		r.Trailer = nil // else it is filled with whatever comes behind the body
	}
	h.next.ServeHTTP(w, r)
}

// isPreflight reports whether a browser asks what another origin's page may
// request. It does so without a token (WHATWG Fetch, CORS-preflight fetch).
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" &&
		r.Header.Get("Access-Control-Request-Method") != ""
}

// peerOf returns the other side of a request's connection as gRPC has it.
func peerOf(r *http.Request) *peer.Peer {
	from := &peer.Peer{Addr: httpAddr(r.RemoteAddr)}
	if r.TLS != nil {
		from.AuthInfo = credentials.TLSInfo{
			State:          *r.TLS,
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}
	}
	return from
}

// httpAddr is the address of an HTTP client.
type httpAddr string

var _ net.Addr = httpAddr("")

func (httpAddr) Network() string  { return "tcp" }
func (a httpAddr) String() string { return string(a) }
