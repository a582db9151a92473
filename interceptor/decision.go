package interceptor

import (
	"context"
	"errors"
	"net/http"
	"time"

	grpcmd "google.golang.org/grpc/metadata"

	"github.com/jwtrelay/jwtrelay/metadata"
	"github.com/jwtrelay/jwtrelay/token"
)

// incoming is a call to decide on.
type incoming struct {
	method string
	rule   *rule       // nil if there is none
	header http.Header // nil for a call by gRPC, whose headers are in its context
}

// decide returns the verified token of a call that is let in, nil if it is let
// in without one, or the refusal.
func (s *Server) decide(ctx context.Context, call incoming) (*token.Token, *refusalError) {
	began := s.clock()
	t, err := s.judge(ctx, call)
	d := Decision{Method: call.method, Token: t, Shadow: err != nil && s.shadow != nil}
	var refused *refusalError
	if err != nil {
		refused = newRefusal(err, call.method, s.hop)
		refused.hopHidden = s.hideHops
		d.Reason, d.Err = refused.reason, refused
	}
	s.observe(ctx, d, call, began)
	if d.Shadow {
		return t, nil
	}
	return t, refused
}

// judge returns the verified token of a call, nil if it is to be let in without
// one, or why it is to be refused; if only the policy refuses it, both.
func (s *Server) judge(ctx context.Context, call incoming) (*token.Token, error) {
	if call.rule == nil {
		return nil, &refusalError{reason: ReasonNoPolicy}
	}
	if call.rule.access == public {
		return nil, nil
	}
	raw, err := s.tokenOf(ctx, call)
	switch {
	case errors.Is(err, metadata.ErrMissing) && call.rule.access == optional:
		return nil, nil
	case err != nil:
		return nil, token.NewError(reasonFor(err), err)
	}
	t, err := s.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	return t, call.rule.refuse(ctx, caller{token: t, call: call, rule: call.rule, server: s})
}

// inContext returns ctx with the headers of the call where gRPC has them, so that
// what a rule asks finds them there however the call came.
func (c incoming) inContext(ctx context.Context) context.Context {
	if c.header == nil {
		return ctx
	}
	md := make(grpcmd.MD, len(c.header))
	for name, values := range c.header {
		md.Append(name, values...)
	}
	return grpcmd.NewIncomingContext(ctx, md)
}

// tokenOf returns the token that a call carries.
func (s *Server) tokenOf(ctx context.Context, call incoming) (string, error) {
	if call.header != nil {
		return s.header.FromHTTP(call.header)
	}
	return s.header.FromIncoming(ctx)
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

// clock returns the time if somebody will be told how long it took.
func (s *Server) clock() time.Time {
	if s.observer == nil && s.shadow == nil {
		return time.Time{}
	}
	return s.now()
}

// observe tells the observers, if there are any.
func (s *Server) observe(ctx context.Context, d Decision, call incoming, began time.Time) {
	if s.observer == nil && !d.Shadow {
		return
	}
	d.Hop, d.Duration, d.Fingerprint = s.hop, s.now().Sub(began), d.Token.Fingerprint()
	if d.Token == nil && d.Err != nil {
		d.Fingerprint = s.fingerprint(ctx, call)
	}
	if s.observer != nil {
		s.observer.Decided(ctx, d)
	}
	if d.Shadow {
		s.shadow.Decided(ctx, d)
	}
}

// observeEnd tells the observers of a stream that ended with its token.
func (s *Server) observeEnd(ctx context.Context, t *token.Token, refused *refusalError) {
	d := Decision{
		Method: refused.method, Hop: s.hop, Token: t, Reason: refused.reason, Err: refused,
		Ended: true, Shadow: s.shadow != nil, Fingerprint: t.Fingerprint(),
	}
	if s.observer != nil {
		s.observer.Decided(ctx, d)
	}
	if s.shadow != nil {
		s.shadow.Decided(ctx, d)
	}
}

// fingerprint is that of a token which was not verified, "" if there is none.
func (s *Server) fingerprint(ctx context.Context, call incoming) string {
	raw, err := s.tokenOf(ctx, call)
	if err != nil {
		return ""
	}
	return token.Fingerprint(raw)
}
