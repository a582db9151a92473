package interceptor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/metadata"
	"github.com/jwtrelay/jwtrelay/token"
)

// Client decides what goes out with calls. Build it once, with [NewClient], and
// share it: any number of connections and goroutines may use it.
type Client struct {
	header         metadata.Header
	hop            string
	source         Source // nil means relay
	otherwise      credentials.PerRPCCredentials
	allowPlaintext bool
	verifiedOnly   bool
	requireToken   bool
	audience       string
	observer       Observer // nil if nobody asked
	now            func() time.Time
}

// NewClient returns a client that relays the token of the call in whose context
// it is used. It fails on options that make no sense.
func NewClient(options ...ClientOption) (*Client, error) {
	c := &Client{now: time.Now} //nolint:forbidigo // the default clock
	for _, option := range options {
		if option == nil {
			return nil, errors.New("interceptor: nil option")
		}
		if err := option.applyClient(c); err != nil {
			return nil, fmt.Errorf("interceptor: %w", err)
		}
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("interceptor: %w", err)
	}
	return c, nil
}

// DialOptions returns what [grpc.NewClient] needs: the interceptors for unary
// calls and for streams. List them last.
//
// Credentials of the connection itself ([grpc.WithPerRPCCredentials]) are
// invisible to interceptors and must not be used beside a relay: the next hop
// would get two values and refuse both. [Otherwise] replaces them.
func (c *Client) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(c.UnaryInterceptor),
		grpc.WithChainStreamInterceptor(c.StreamInterceptor),
	}
}

// UnaryInterceptor relays on unary calls. Prefer [Client.DialOptions], which
// can't forget streams.
func (c *Client) UnaryInterceptor(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx, g, err := c.prepare(ctx, Call{Method: method, Target: cc.Target()}, opts)
	if err != nil {
		return err
	}
	return invoker(ctx, method, req, reply, cc, g.among(opts)...)
}

// StreamInterceptor relays on streams. Prefer [Client.DialOptions], which can't
// forget unary calls.
//
// A stream that carries a verified token lives no longer than the token: when
// that ends, so does the stream, with [token.ReasonExpired].
func (c *Client) StreamInterceptor(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, g, err := c.prepare(ctx, Call{Method: method, Target: cc.Target()}, opts)
	if err != nil {
		return nil, err
	}
	opts = g.among(opts)
	if g == nil || g.validUntil.IsZero() {
		return streamer(ctx, desc, cc, method, opts...)
	}
	return c.openUntil(ctx, g.validUntil, desc, cc, method, streamer, opts)
}

// prepare puts the credential into the outgoing context, or refuses the call.
// The guard goes among the call's options; it is nil if there is nothing to
// guard.
func (c *Client) prepare(ctx context.Context, call Call, opts []grpc.CallOption) (context.Context, *guard, error) {
	if hasCredentials(opts) { // the caller's own
		c.observe(ctx, Relayed{Method: call.Method, Target: call.Target, Sent: SentCaller})
		return ctx, nil, nil
	}
	switch c.header.OutgoingValues(ctx) {
	case 0:
		return c.prepareOurs(ctx, call)
	case 1:
		return ctx, &guard{client: c, call: call, sent: SentCaller}, nil
	default:
		return nil, nil, c.refuse(ctx, call, &refusal{reason: ReasonRelayConflict})
	}
}

// prepareOurs is prepare for a call that carries nothing yet.
func (c *Client) prepareOurs(ctx context.Context, call Call) (context.Context, *guard, error) {
	credential, sent, err := c.supply(ctx, call)
	if err != nil {
		return nil, nil, c.refuse(ctx, call, err)
	}
	if sent == SentNothing {
		return c.prepareNone(ctx, call)
	}
	if c.ended(credential.ValidUntil) {
		return nil, nil, c.refuse(ctx, call, token.NewError(token.ReasonExpired, nil))
	}
	ctx = grpcmd.AppendToOutgoingContext(ctx, c.header.Key(), credential.Value)
	return ctx, &guard{client: c, call: call, sent: sent, validUntil: credential.ValidUntil}, nil
}

// prepareNone is prepare for a call that there is no token for.
func (c *Client) prepareNone(ctx context.Context, call Call) (context.Context, *guard, error) {
	if c.otherwise != nil && !servesCall(ctx) {
		return ctx, &guard{client: c, call: call, sent: SentOwn, own: c.otherwise}, nil
	}
	if c.requireToken {
		return nil, nil, c.refuse(ctx, call, token.NewError(token.ReasonMissing, nil))
	}
	c.observe(ctx, Relayed{Method: call.Method, Target: call.Target, Sent: SentNothing})
	return ctx, nil, nil
}

// servesCall reports whether ctx belongs to an incoming call.
func servesCall(ctx context.Context) bool {
	if _, decided := token.Decided(ctx); decided {
		return true
	}
	_, incoming := grpcmd.FromIncomingContext(ctx)
	return incoming || grpc.ServerTransportStreamFromContext(ctx) != nil
}

// hasCredentials reports whether the caller brought call credentials.
func hasCredentials(opts []grpc.CallOption) bool {
	for _, opt := range opts {
		if _, ok := opt.(grpc.PerRPCCredsCallOption); ok {
			return true
		}
	}
	return false
}

// ended reports whether a credential is past its end, which is zero if it isn't
// known.
func (c *Client) ended(validUntil time.Time) bool {
	return !validUntil.IsZero() && !c.now().Before(validUntil)
}

// refuse returns what the calling code gets for a call that was refused here.
func (c *Client) refuse(ctx context.Context, call Call, err error) error {
	r := newRefusal(err, call.Method, c.hop)
	if r.reason == "" { // a source's own error
		c.observe(ctx, Relayed{Method: call.Method, Target: call.Target, Sent: SentNothing, Err: err})
		return err
	}
	c.observe(ctx, Relayed{Method: call.Method, Target: call.Target, Sent: SentNothing, Reason: r.reason, Err: r})
	return r
}

func (c *Client) observe(ctx context.Context, r Relayed) {
	if c.observer != nil {
		c.observer.Relayed(ctx, r)
	}
}
