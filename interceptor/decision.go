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
	t, refused := s.judge(ctx, call)
	if refused != nil {
		s.sign(refused, call.method)
	}
	s.observe(ctx, call, t, refused, began)
	if s.shadow != nil {
		return t, nil
	}
	return t, refused
}

// judge returns the verified token of a call, nil if it is to be let in without
// one, or why it is to be refused; if only the policy refuses it, both. The
// refusal is new, and not signed yet.
func (s *Server) judge(ctx context.Context, call incoming) (*token.Token, *refusalError) {
	if call.rule == nil {
		return nil, &refusalError{reason: ReasonNoPolicy}
	}
	if call.rule.access == public {
		return nil, nil
	}
	raw, err := s.tokenOf(ctx, call)
	switch {
	case err == nil:
	case call.rule.access == optional && errors.Is(err, metadata.ErrMissing):
		return nil, nil
	default:
		return nil, refuseUnread(err)
	}
	t, err := s.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, newRefusal(err, call.method, s.hop)
	}
	return t, call.rule.refuse(ctx, caller{token: t, call: call, rule: call.rule, server: s})
}

// sign says in a new refusal of a call to method that this server refuses it.
func (s *Server) sign(r *refusalError, method string) {
	r.method, r.hop, r.hopHidden = method, s.hop, s.hideHops
	r.answer = s.answers[r.reason]
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

// tokenOf returns the token that a call carries. Its characters are the verifier's
// matter.
func (s *Server) tokenOf(ctx context.Context, call incoming) (string, error) {
	if call.header != nil {
		return s.header.Cut(call.header.Values(s.header.Key()))
	}
	return s.header.Cut(grpcmd.ValueFromIncomingContext(ctx, s.header.Key()))
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

// observe tells the observers, if there are any. refused is nil if the call is let
// in.
func (s *Server) observe(ctx context.Context, call incoming, t *token.Token, refused *refusalError, began time.Time) {
	if s.observer == nil && (s.shadow == nil || refused == nil) {
		return
	}
	d := Decision{
		Method: call.method, Hop: s.hop, Token: t, Duration: s.now().Sub(began), Fingerprint: t.Fingerprint(),
	}
	if refused != nil {
		d.Reason, d.Err, d.Shadow = refused.reason, refused, s.shadow != nil
		if t == nil {
			d.Fingerprint = s.fingerprint(ctx, call)
		}
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
