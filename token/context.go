package token

import "context"

// contextKey is the key of the token in a context.
type contextKey struct{}

// NewContext returns a context in which [FromContext] finds t. It is for
// whoever called [Verifier.Verify]: servers that are not built on the
// interceptors, queue consumers, tests.
//
// A nil t says that the call was let in without a verified token. FromContext
// then finds none, whatever an outer context holds, and nothing is relayed.
func NewContext(ctx context.Context, t *Token) context.Context {
	return context.WithValue(ctx, contextKey{}, t)
}

// FromContext returns the verified token of the call that ctx belongs to. The
// token is non-nil if and only if ok.
func FromContext(ctx context.Context) (t *Token, ok bool) {
	t, _ = Decided(ctx)
	return t, t != nil
}

// Decided reports whether some server has decided on the call that ctx belongs
// to: whether [NewContext] was called. t is nil if the call was let in without
// a token.
func Decided(ctx context.Context) (t *Token, ok bool) {
	t, ok = ctx.Value(contextKey{}).(*Token)
	return t, ok
}

// ClaimsFrom returns the team's own claims of the verified token in ctx. ok is
// false if there is no token, or if its verifier wasn't built with
// [WithClaims] for this very type.
//
// C is the very type that WithClaims was given. The claims were decoded when the
// token was verified and are shared by all who hold it: treat what they point to
// as read-only.
func ClaimsFrom[C any](ctx context.Context) (claims C, ok bool) {
	if t, found := FromContext(ctx); found {
		claims, ok = t.says().application.(C)
	}
	return claims, ok
}
