package interceptor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/metadata"
	"github.com/jwtrelay/jwtrelay/token"
)

// headerRoom is what a server accepts of headers beside the token's, in bytes.
// With less, an over-long token would meet gRPC's limit instead of our answer.
const headerRoom = 24 << 10

// Server decides on incoming calls. Build it once, with [NewServer], and share
// it: any number of servers and goroutines may use it.
type Server struct {
	verifier  *token.Verifier
	rules     *ruleTable
	header    metadata.Header
	hop       string
	peerNames func(ctx context.Context) []string
	stripped  []string // keys of headers
	hideHops  bool
	shadow    Observer // nil if not in shadow
	observer  Observer // nil if nobody asked
	now       func() time.Time
	answers   map[token.Reason]*answer // to what many are refused for

	installed atomic.Bool // whether somebody asked for what Audit can't see on a server
}

// NewServer returns a server that verifies tokens with verifier and lets calls
// in by policy. It fails on what can only be a mistake: no verifier, no policy,
// a method with two rules, a requirement that nothing meets, an option that makes
// no sense.
//
// Install one on a gRPC server. With a second one behind it, handlers would see
// and relay the token that the second one verified.
func NewServer(verifier *token.Verifier, policy Policy, options ...ServerOption) (*Server, error) {
	if verifier == nil {
		return nil, errors.New("interceptor: no verifier")
	}
	rules, err := newRuleTable(policy)
	if err != nil {
		return nil, fmt.Errorf("interceptor: %w", err)
	}
	s := &Server{verifier: verifier, rules: rules, peerNames: verifiedNames, now: verifier.Now}
	for _, option := range options {
		if option == nil {
			return nil, errors.New("interceptor: nil option")
		}
		if err := option.applyServer(s); err != nil {
			return nil, fmt.Errorf("interceptor: %w", err)
		}
	}
	if slices.Contains(s.stripped, s.header.Key()) {
		return nil, fmt.Errorf("interceptor: StripHeaders(%q) is about the header that carries the token", s.header.Key())
	}
	s.header.Limit = verifier.MaxSize()
	s.answers = s.prepareAnswers()
	return s, nil
}

// Options returns what [grpc.NewServer] needs: the interceptors for unary calls
// and for streams, and a limit for all headers of a call together, 24 KiB above
// that for tokens. gRPC's default has long been 16 MiB, which anyone may
// then send. Calls over the limit are refused by gRPC, without a reason of ours.
func (s *Server) Options() []grpc.ServerOption {
	s.installed.Store(true)
	options := []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(s.UnaryInterceptor),
		grpc.ChainStreamInterceptor(s.StreamInterceptor),
	}
	if s.shadow == nil { // in shadow nobody is refused
		options = append(options, grpc.MaxHeaderListSize(s.MaxHeaderListSize()))
	}
	return options
}

// MaxHeaderListSize returns the limit in bytes that [Server.Options] sets for all
// headers of a call together. It is for who installs [Server.AuthFunc], and, as
// http.Server's MaxHeaderBytes, for [Server.HTTPHandler].
func (s *Server) MaxHeaderListSize() uint32 {
	return uint32(s.header.MaxValue() + headerRoom) //nolint:gosec // a token is limited to 1 MiB
}

// UnaryInterceptor decides on unary calls. Prefer [Server.Options], which can't
// forget streams.
func (s *Server) UnaryInterceptor(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, err := s.admit(ctx, calledMethod(ctx, info))
	if err != nil {
		return nil, err
	}
	response, err := handler(ctx, req)
	return response, s.toCaller(err)
}

// StreamInterceptor decides on streams when they are opened, and ends them with
// their token: when it has expired, or is revoked. The handler's context is then
// cancelled, for a cause that [RefusalFrom] reads, and the caller is told why,
// even if the handler is blocked. Prefer [Server.Options], which can't forget unary
// calls.
func (s *Server) StreamInterceptor(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, err := s.admit(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return s.toCaller(s.serve(ctx, srv, stream, info.FullMethod, handler))
}

// AuthFunc decides on calls for interceptors that are not ours: it is the
// auth.AuthFunc that those of go-grpc-middleware take. It gets the method from
// the context, as gRPC's server puts it there, and refuses a context without
// one with [ReasonNoPolicy].
//
//	auth.UnaryServerInterceptor(server.AuthFunc())
//	auth.StreamServerInterceptor(server.AuthFunc())
//	grpc.MaxHeaderListSize(server.MaxHeaderListSize())
//
// Prefer [Server.Options], which can't forget one of them, and sees calls to their
// end: what [HideHops] takes out of handlers' errors it can't take out here, and
// a stream goes on when its token ends. For that, have [Server.StreamInterceptor]
// in the place of the second line, or handlers that look at [token.Token.ValidUntil]
// and [token.Verifier.OnRevoked]. A
// service with an AuthFuncOverride, and what a selector leaves out, is not decided
// on at all.
func (s *Server) AuthFunc() func(ctx context.Context) (context.Context, error) {
	s.installed.Store(true)
	return func(ctx context.Context) (context.Context, error) {
		method, _ := grpc.Method(ctx) // "" is a method without a rule of its own
		return s.admit(ctx, method)
	}
}

// calledMethod returns the method that was called. Generated code says in info what
// it was generated for, which is another for a service that is registered under a
// second name.
func calledMethod(ctx context.Context, info *grpc.UnaryServerInfo) string {
	method, _ := grpc.Method(ctx)
	if method == "" || method == info.FullMethod {
		return info.FullMethod
	}
	if _, inner := token.Decided(ctx); inner { // a call that a handler makes in the process: the stream is still the outer one's
		return info.FullMethod
	}
	return method
}

// admit returns the context for the handler of a gRPC call, or the refusal.
func (s *Server) admit(ctx context.Context, method string) (context.Context, error) {
	t, refused := s.decide(ctx, incoming{method: method, rule: s.rules.rule(method)})
	if refused != nil {
		sendChallenge(ctx, refused)
		return nil, refused
	}
	return token.NewContext(s.strip(ctx), t), nil
}
