package interceptor

import (
	"context"
	"errors"
	"fmt"
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
	verifier *token.Verifier
	rules    *ruleTable
	header   metadata.Header
	hop      string
	observer Observer // nil if nobody asked
	now      func() time.Time

	installed atomic.Bool // whether somebody asked for what Audit can't see on a server
}

// NewServer returns a server that verifies tokens with verifier and lets calls
// in by policy. It fails on what can only be a mistake: no verifier, no policy,
// a rule behind one for every method, an option that makes no sense.
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
	s := &Server{verifier: verifier, rules: rules, now: time.Now} //nolint:forbidigo // the default clock
	for _, option := range options {
		if option == nil {
			return nil, errors.New("interceptor: nil option")
		}
		if err := option.applyServer(s); err != nil {
			return nil, fmt.Errorf("interceptor: %w", err)
		}
	}
	s.header.Limit = verifier.MaxSize()
	return s, nil
}

// Options returns what [grpc.NewServer] needs: the interceptors for unary calls
// and for streams, and a limit for all headers of a call together, 24 KiB above
// that for tokens. gRPC's default has long been 16 MiB, which anyone may
// then send. Calls over the limit are refused by gRPC, without a reason of ours.
func (s *Server) Options() []grpc.ServerOption {
	s.installed.Store(true)
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(s.UnaryInterceptor),
		grpc.ChainStreamInterceptor(s.StreamInterceptor),
		grpc.MaxHeaderListSize(uint32(min(s.header.MaxValue()+headerRoom, 1<<30))), //nolint:gosec // bounded
	}
}

// UnaryInterceptor decides on unary calls. Prefer [Server.Options], which can't
// forget streams.
func (s *Server) UnaryInterceptor(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, err := s.decide(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

// StreamInterceptor decides on streams, once, when they are opened. Prefer
// [Server.Options], which can't forget unary calls.
func (s *Server) StreamInterceptor(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, err := s.decide(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return serve(ctx, srv, stream, handler)
}

// AuthFunc decides on calls for interceptors that are not ours: it is the
// auth.AuthFunc that those of go-grpc-middleware take. It gets the method from
// the context, as gRPC's server puts it there, and refuses a context without
// one with [ReasonNoPolicy].
//
//	auth.UnaryServerInterceptor(server.AuthFunc())
//	auth.StreamServerInterceptor(server.AuthFunc())
//
// Prefer [Server.Options], which can't forget one of the two.
func (s *Server) AuthFunc() func(ctx context.Context) (context.Context, error) {
	s.installed.Store(true)
	return func(ctx context.Context) (context.Context, error) {
		method, ok := grpc.Method(ctx)
		if !ok {
			return nil, newRefusal(&refusalError{reason: ReasonNoPolicy}, "", s.hop)
		}
		return s.decide(ctx, method)
	}
}

// decide returns the context for the handler of a call, or the refusal.
func (s *Server) decide(ctx context.Context, method string) (context.Context, error) {
	began := s.now()
	t, err := s.judge(ctx, method)
	if err != nil {
		r := newRefusal(err, method, s.hop)
		challenge(ctx, r)
		s.observe(ctx, Decision{Method: method, Fingerprint: s.fingerprint(ctx), Reason: r.reason, Err: r}, began)
		return nil, r
	}
	s.observe(ctx, Decision{Method: method, Fingerprint: t.Fingerprint(), Token: t}, began)
	return token.NewContext(ctx, t), nil
}

// judge returns the verified token, or nil for a call that is let in without
// one.
func (s *Server) judge(ctx context.Context, method string) (*token.Token, error) {
	rule, ok := s.rules.rule(method)
	if !ok {
		return nil, &refusalError{reason: ReasonNoPolicy}
	}
	if rule.access == public {
		return nil, nil
	}
	raw, err := s.header.FromIncoming(ctx)
	switch {
	case errors.Is(err, metadata.ErrMissing) && rule.access == optional:
		return nil, nil
	case err != nil:
		return nil, token.NewError(reasonFor(err), err)
	}
	return s.verifier.Verify(ctx, raw)
}

// reasonFor translates the errors of package metadata.
func reasonFor(err error) token.Reason {
	switch {
	case errors.Is(err, metadata.ErrMissing):
		return token.ReasonMissing
	case errors.Is(err, metadata.ErrTooLarge):
		return token.ReasonTooLarge
	default:
		return token.ReasonMalformed
	}
}

// fingerprint is that of a token which was refused, for an observer.
func (s *Server) fingerprint(ctx context.Context) string {
	if s.observer == nil {
		return ""
	}
	raw, err := s.header.FromIncoming(ctx)
	if err != nil {
		return ""
	}
	return token.Fingerprint(raw)
}

func (s *Server) observe(ctx context.Context, d Decision, began time.Time) {
	if s.observer == nil {
		return
	}
	d.Hop, d.Duration = s.hop, s.now().Sub(began)
	s.observer.Decided(ctx, d)
}
