package connectrelay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/token"
)

// authorization is the header that carries the token.
const authorization = "Authorization"

// Config is what [New] needs.
type Config struct {
	// BaseURL is that of the next service, the very one that its client gets.
	BaseURL string

	// Name is this service's in refusals. Zero means that it has none there.
	Name string

	// AllowPlaintext lets the token go to a BaseURL with http. It is for
	// connections that never leave the machine: a mesh's sidecar, loopback.
	AllowPlaintext bool

	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Relay sends the token of the call in whose context it is used, if a server
// verified one, along with the calls of a Connect client. Build one for each base
// URL, with [New], and list it last among the client's interceptors. It may be
// used concurrently.
//
// A call that has a value of the header already is left alone, one that has two
// is refused. On a handler it does nothing.
type Relay struct {
	config Config
	host   string
}

var _ connect.Interceptor = (*Relay)(nil)

// New returns a relay to the service at the base URL. It fails on a URL that is
// none, and on one without TLS unless that is allowed.
func New(config Config) (*Relay, error) {
	base, err := url.Parse(config.BaseURL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("connectrelay: BaseURL: %w", err)
	case base.Host == "" || (base.Scheme != "https" && base.Scheme != "http"):
		return nil, fmt.Errorf("connectrelay: BaseURL %q is not that of a service", config.BaseURL)
	case base.Scheme == "http" && !config.AllowPlaintext:
		return nil, fmt.Errorf("connectrelay: anyone could read tokens on their way to %s: use https "+
			"(AllowPlaintext is for sidecars and loopback)", config.BaseURL)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Relay{config, base.Host}, nil
}

// WithoutRedirects returns a copy of client that follows no redirects: a token
// must not follow them either. A nil client is http.DefaultClient.
func WithoutRedirects(client *http.Client) *http.Client {
	staying := new(http.Client)
	if client != nil {
		*staying = *client
	}
	staying.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return staying
}

// WrapUnary implements [connect.Interceptor].
func (r *Relay) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		if request.Spec().IsClient {
			if _, err := r.prepare(ctx, request.Header(), request.Peer()); err != nil {
				return nil, err
			}
			response, err := next(ctx, request)
			return response, explained(ctx, err)
		}
		return next(ctx, request)
	}
}

// WrapStreamingClient implements [connect.Interceptor].
func (r *Relay) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		return r.open(ctx, spec, next)
	}
}

// WrapStreamingHandler implements [connect.Interceptor]. It changes nothing.
func (r *Relay) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// prepare adds the token to the headers of a call and returns it, nil if there is
// none to add, or refuses the call.
func (r *Relay) prepare(ctx context.Context, header http.Header, to connect.Peer) (*token.Token, error) {
	t, verified := token.FromContext(ctx)
	values := count(header)
	switch {
	case values == 0 && !verified:
		return nil, nil
	case values > 1:
		return nil, r.refuse(connect.CodeInternal, interceptor.ReasonRelayConflict, errConflict)
	case to.Addr != r.host:
		return nil, r.refuse(connect.CodeInternal, interceptor.ReasonRelayInsecure, errHost)
	case values == 1:
		return nil, nil
	case !r.config.Now().Before(t.ValidUntil()):
		return nil, r.expired()
	}
	header.Set(authorization, t.Authorization())
	return t, nil
}

// count returns how many values of the header there are, in whatever letter case
// calling code wrote its name.
func count(header http.Header) int {
	n := 0
	for name, values := range header {
		if strings.EqualFold(name, authorization) {
			n += len(values)
		}
	}
	return n
}

// What callers are told.
var (
	errConflict = errors.New("the token was not relayed: the call has two credentials")
	errHost     = errors.New("the token was not relayed: the relay is for another base URL than the client")
)

// expired is the refusal of a token that has ended since it was verified.
func (r *Relay) expired() *connect.Error {
	return r.refuse(connect.CodeUnauthenticated, token.ReasonExpired, token.NewError(token.ReasonExpired, nil))
}
