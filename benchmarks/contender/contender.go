package contender

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"google.golang.org/grpc"
)

// Contender verifies tokens. It may be used concurrently.
type Contender interface {
	// Verify returns what a token says, or why it is refused.
	Verify(ctx context.Context, raw string) (Caller, error)

	// UnaryInterceptor lets calls in that have a token with [Trust.Scope], and hands
	// what it says to the handler in the context.
	UnaryInterceptor() grpc.UnaryServerInterceptor
}

// Caller is what handlers ask for.
type Caller struct {
	Subject string
	Scopes  []string
}

// Trust is what all contenders are told.
type Trust struct {
	Issuer   string
	Audience string
	Leeway   time.Duration
	Scope    string // that calls need
	Keys     []Key
}

// Key is a key that verifies.
type Key struct {
	ID        string
	Algorithm string          // of RFC 7518 section 3.1, or EdDSA
	Public    any             // a [crypto.PublicKey]; for HS256 the secret, a []byte
	JWK       json.RawMessage // the same
}

// JWKS returns the keys as a JWK Set (RFC 7517 section 5).
func (t Trust) JWKS() (json.RawMessage, error) {
	keys := make([]json.RawMessage, len(t.Keys))
	for i, key := range t.Keys {
		keys[i] = key.JWK
	}
	return json.Marshal(map[string]any{"keys": keys})
}

// Algorithms returns those that are allowed: the keys'.
func (t Trust) Algorithms() []string {
	var all []string
	for _, key := range t.Keys {
		all = append(all, key.Algorithm)
	}
	return all
}

// Entry says who takes part.
type Entry struct {
	Name string // short, for the names of lines
	New  func(Trust) (Contender, error)
}

// Ours is the first of [All].
const Ours = "jwtrelay"

// All returns every contender, ours first and the usual assembly second.
func All() []Entry {
	return []Entry{
		{Ours, NewJWTRelay},
		{"usual", NewUsual},
		{"cristalhq", NewCristalhq},
		{"gojose", NewGoJOSE},
		{"jwx", NewJWX},
	}
}

// Why peers refuse a token, where their library leaves it to the caller to find out.
var (
	errNoSubject    = errors.New("no subject")
	errNoExpiry     = errors.New("no expiry")
	errAlgorithm    = errors.New("algorithm is not the key's")
	errUnknownKey   = errors.New("unknown key")
	errNotForUs     = errors.New("another issuer or audience")
	errNotValidNow  = errors.New("expired, or not yet valid")
	errScopeMissing = errors.New("scope is missing")
)
