package interceptor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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
// Use them once on a connection: two relays refuse each other's calls with
// [ReasonRelayConflict]. Credentials of
// the connection itself ([grpc.WithPerRPCCredentials], or those of a bundle) are
// invisible to interceptors and must not be used beside a relay: the next hop
// would get two values and refuse both. [Otherwise] replaces them. An
// interceptor behind the relay has the relay among its call options, and must
// not use these for other calls, or twice for a stream.
func (c *Client) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(c.UnaryInterceptor),
		grpc.WithChainStreamInterceptor(c.StreamInterceptor),
	}
}

// UnaryInterceptor relays on unary calls. Prefer [Client.DialOptions], which
// can't forget streams.
//
// A call that was broken off because the stream or the HTTP request in whose context
// it was made ended with its token returns that refusal, with [token.ReasonExpired]
// or [token.ReasonRevoked], and not Canceled.
func (c *Client) UnaryInterceptor(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	g, err := c.prepare(ctx, Call{Method: method, Target: targetOf(cc)}, opts)
	if err != nil {
		return err
	}
	return explained(ctx, invoker(ctx, method, req, reply, cc, g.among(opts)...))
}

// StreamInterceptor relays on streams. Prefer [Client.DialOptions], which can't
// forget unary calls.
//
// A stream that carries a verified token lives no longer than the token: when
// that ends, so does the stream, with [token.ReasonExpired]. One that is opened in
// the context of a stream or an HTTP request ends with that one's token, for the same
// reason.
func (c *Client) StreamInterceptor(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	g, err := c.prepare(ctx, Call{Method: method, Target: targetOf(cc)}, opts)
	if err != nil {
		return nil, err
	}
	if g == nil || g.plan.until.IsZero() {
		return openUncut(ctx, desc, cc, method, streamer, g.among(opts))
	}
	return g.openUntilEnd(ctx, desc, cc, streamer, opts)
}

// prepare returns the guard that brings the credential of a call, nil if there
// is nothing to bring or to guard, or refuses the call. While there are
// credentials, the caller's or the service's own, what they bring shows only
// when gRPC asks the guard: it decides then.
func (c *Client) prepare(ctx context.Context, call Call, opts []grpc.CallOption) (*guard, error) {
	caller := credentialsAmong(opts)
	if _, ok := caller.(*guard); ok {
		return nil, c.refuse(ctx, call, &refusalError{reason: ReasonRelayConflict, cause: errTwoRelays})
	}
	p, outgoing := plan{sent: SentNothing}, c.header.OutgoingValues(ctx)
	if outgoing == 0 {
		p = c.planFor(ctx, call)
	}
	if p.own == nil && (caller == nil || outgoing > 1) {
		switch sent, err := c.decide(&p, outgoing, 0); {
		case err != nil:
			return nil, c.refuse(ctx, call, err)
		case sent == SentNothing:
			c.observe(ctx, Relayed{Method: call.Method, Target: call.Target, Sent: SentNothing})
			return nil, nil
		}
	}
	return &guard{client: c, call: call, plan: p, caller: caller}, nil
}

// errTwoRelays is for the operator: DialOptions were used twice.
var errTwoRelays = errors.New("two relays on one connection")

// servesCall reports whether ctx belongs to an incoming call, of gRPC or HTTP.
func servesCall(ctx context.Context) bool {
	if _, decided := token.Decided(ctx); decided {
		return true
	}
	if _, incoming := grpcmd.FromIncomingContext(ctx); incoming {
		return true
	}
	return grpc.ServerTransportStreamFromContext(ctx) != nil || ctx.Value(http.ServerContextKey) != nil
}

// credentialsAmong returns the call credentials that the caller brought, nil if
// there are none. Of several, gRPC uses the last.
func credentialsAmong(opts []grpc.CallOption) credentials.PerRPCCredentials {
	for _, opt := range slices.Backward(opts) {
		if creds, ok := opt.(grpc.PerRPCCredsCallOption); ok {
			return creds.Creds
		}
	}
	return nil
}

// targetOf returns what cc was dialled with. It is nil where something stands in
// for a connection, in a unit test say.
func targetOf(cc *grpc.ClientConn) string {
	if cc == nil {
		return ""
	}
	return cc.Target()
}

// refuse returns what the calling code gets for a call that was refused here.
func (c *Client) refuse(ctx context.Context, call Call, err error) error {
	r := newRefusal(err, call.Method, c.hop)
	if r.reason == "" { // a status of a source's own
		c.observe(ctx, Relayed{Method: call.Method, Target: call.Target, Sent: SentNothing, Err: err})
		return err
	}
	c.observe(ctx, Relayed{Method: call.Method, Target: call.Target, Sent: SentNothing, Reason: r.reason, Err: r})
	return r
}

func (c *Client) observe(ctx context.Context, r Relayed) {
	if c.observer != nil {
		r.Hop = c.hop
		if t, ok := token.FromContext(ctx); ok {
			r.Fingerprint = t.Fingerprint()
		}
		c.observer.Relayed(ctx, r)
	}
}
