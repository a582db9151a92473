package token

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// VerifierOption changes what a [Verifier] does. This package has them all.
type VerifierOption interface {
	apply(v *Verifier) error
}

type verifierOption func(v *Verifier) error

func (o verifierOption) apply(v *Verifier) error { return o(v) }

// Leeway is how far the clocks of the issuer and of this service may differ: a
// token is accepted that long after it expired and before it begins. The
// default is 30 s; up to 10 minutes are allowed, and 0.
func Leeway(d time.Duration) VerifierOption {
	return verifierOption(func(v *Verifier) error {
		if d < 0 || d > maxLeeway {
			return fmt.Errorf("Leeway(%v) is not between 0 and %v", d, maxLeeway)
		}
		v.leeway = d
		return nil
	})
}

// MaxLifetime refuses tokens that live longer than d from "iat" to "exp", and
// those without "iat", whose lifetime can't be known. By default any will do.
func MaxLifetime(d time.Duration) VerifierOption {
	return verifierOption(func(v *Verifier) error {
		if d <= 0 {
			return fmt.Errorf("MaxLifetime(%v) accepts no token", d)
		}
		v.maxLifetime = d
		return nil
	})
}

// MaxSize is the length in bytes of the longest token that is looked at. The
// default is 16 KiB, and 1 MiB the most. Few proxies let headers of more than
// 8 to 64 KiB pass.
func MaxSize(bytes int) VerifierOption {
	return verifierOption(func(v *Verifier) error {
		if bytes <= 0 || bytes > maxMaxSize {
			return fmt.Errorf("MaxSize(%d) is not between 1 and %d", bytes, maxMaxSize)
		}
		v.maxSize = bytes
		return nil
	})
}

// Types are the values of the header's "typ" that are accepted, in any letter
// case and with or without "application/"; "" stands for a header without
// "typ". The default is "", "JWT" and "at+jwt" (RFC 9068 section 2.1).
func Types(types ...string) VerifierOption {
	return verifierOption(func(v *Verifier) error {
		if len(types) == 0 {
			return errors.New("Types() accepts no token")
		}
		v.types = nil
		for _, typ := range types {
			v.types = append(v.types, normalizeType(typ))
		}
		return nil
	})
}

// AllowNoSubject accepts tokens without "sub" or with an empty one. Their
// [Principal] is the issuer's as a whole: don't use it as a key for data.
func AllowNoSubject() VerifierOption {
	return verifierOption(func(v *Verifier) error {
		v.allowNoSubject = true
		return nil
	})
}

// AnyTokenKind accepts tokens that mark themselves as something other than an
// access token: ID, refresh, logout and security event tokens. An ID token
// tells a client who logged in; it was not issued to open a service.
func AnyTokenKind() VerifierOption {
	return verifierOption(func(v *Verifier) error {
		v.anyKind = true
		return nil
	})
}

// AllowBoundAsBearer accepts tokens that are bound to a key or certificate
// ("cnf": RFC 7800, 8705, 9449) from callers that don't prove they hold it. A
// stolen one then works as any bearer token does.
func AllowBoundAsBearer() VerifierOption {
	return verifierOption(func(v *Verifier) error {
		v.allowBound = true
		return nil
	})
}

// What options can be set to at most.
const (
	maxLeeway  = 10 * time.Minute // clocks that differ by more want mending
	maxMaxSize = 1 << 20
)

// WithClaims decodes the claims of each token into a C as well, by its json
// tags, for [ClaimsFrom]. A token that doesn't fit is refused with
// [ReasonClaimsInvalid]: names are matched exactly, and claims that C doesn't
// have are ignored. If *C has a method Validate() error, it has the last word. Both
// happen when a token is verified, which is once as long as it is kept ([CacheSize]).
func WithClaims[C any]() VerifierOption {
	return verifierOption(func(v *Verifier) error {
		if v.decodeClaims != nil {
			return errors.New("WithClaims is given twice: one type holds all claims")
		}
		v.decodeClaims = decodeInto[C]
		return nil
	})
}

// WithRevocations asks r about every token, last. By default nothing is
// revoked. Nobody remembers for ever, so it needs [MaxLifetime]: what is forgotten
// must have expired.
func WithRevocations(r Revocations) VerifierOption {
	return verifierOption(func(v *Verifier) error {
		if r == nil {
			return errors.New("WithRevocations(nil)")
		}
		v.revocations = r
		return nil
	})
}

// CacheSize is how much memory verified tokens may take, in bytes, about. The default
// is [DefaultCacheSize]; 0 keeps none, and verifies every token each time.
//
// A token in the cache is found by its whole text. It is good while it has not
// expired, its key is still one of the issuer's, by identity and not by name, and it is
// not revoked: all three are asked with each use. So what was decoded of it, the claims of
// [WithClaims] among it, is shared by all calls that bring it, and Validate is
// called once and not with each.
func CacheSize(bytes int) VerifierOption {
	return verifierOption(func(v *Verifier) error {
		if bytes < 0 {
			return fmt.Errorf("CacheSize(%d) is negative", bytes)
		}
		v.cacheSize = bytes
		return nil
	})
}

// MaxConcurrentVerifications is how many signatures are checked at once. The default is
// three quarters of the processors ([runtime.GOMAXPROCS] when the verifier is built), 1 at
// least, so that a flood of forged tokens doesn't take all of them. More tokens than that
// wait for their turn as long as their calls wait, and are then refused with
// [ReasonOverloaded]; so does long JSON that has to be read before a signature can be
// checked. Tokens in the cache, see [CacheSize], never wait.
func MaxConcurrentVerifications(n int) VerifierOption {
	return verifierOption(func(v *Verifier) error {
		if n <= 0 {
			return fmt.Errorf("MaxConcurrentVerifications(%d) verifies nothing", n)
		}
		v.slots = make(slots, n)
		return nil
	})
}

// WithObserver tells o about every token. By default nobody is told.
func WithObserver(o Observer) VerifierOption {
	return verifierOption(func(v *Verifier) error {
		if o == nil {
			return errors.New("WithObserver(nil)")
		}
		v.observer = o
		return nil
	})
}

// WithClock makes now the verifier's clock. The default is [time.Now].
func WithClock(now func() time.Time) VerifierOption {
	return verifierOption(func(v *Verifier) error {
		if now == nil {
			return errors.New("WithClock(nil)")
		}
		v.now = now
		return nil
	})
}

// decodeInto decodes a payload that is known to be strict JSON.
func decodeInto[C any](payload []byte) (any, error) {
	var claims C
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, err
	}
	if checked, ok := any(&claims).(interface{ Validate() error }); ok {
		if err := checked.Validate(); err != nil {
			return nil, err
		}
	}
	return claims, nil
}
