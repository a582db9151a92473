package token

// Revocations knows which tokens ended before they expire. A [Verifier] asks it
// about every token, last, and on every call.
//
// Both methods may be called concurrently, and must not block: what they need
// to know, they have in memory.
type Revocations interface {
	// Revoked reports whether t has been revoked.
	Revoked(t *Token) bool

	// OnRevoked arranges for ended to be called, once and from any goroutine,
	// when t is revoked; if it has been already, at once. After stop has
	// returned, ended is not called any more. It is for those who hold on to a
	// token, as an open stream does, by [Verifier.OnRevoked]. stop may be called
	// more than once, and may be nil. ended blocks nobody.
	OnRevoked(t *Token, ended func()) (stop func())
}

// nothingRevoked is the default.
type nothingRevoked struct{}

func (nothingRevoked) Revoked(*Token) bool                    { return false }
func (nothingRevoked) OnRevoked(*Token, func()) (stop func()) { return func() {} }
