package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// What a [Verifier] uses unless an option says otherwise.
const (
	DefaultLeeway  = 30 * time.Second
	DefaultMaxSize = 16 << 10 // bytes
)

// Verifier verifies tokens. Build it once, with [NewVerifier], and share it:
// any number of goroutines may use it.
type Verifier struct {
	issuers []*issuer          // in the order they were given
	byURL   map[string]*issuer // the same
	now     func() time.Time

	leeway         time.Duration
	maxLifetime    time.Duration // 0 means any
	maxSize        int
	types          []string // normalized; "" stands for none
	allowNoSubject bool
	anyKind        bool
	allowBound     bool

	decodeClaims func(payload []byte) (any, error) // nil if nobody asked
	revocations  Revocations
	observer     Observer // nil if nobody asked

	cacheSize int    // in bytes
	cache     *cache // nil if nothing is kept
	headers   headers
	flights   flights
	slots     slots
}

// NewVerifier returns a verifier for the tokens of the given issuers. It fails
// on what can only be a mistake, and says which field or option to use: no
// issuer, an issuer without URL, keys or audience, two issuers with one URL, a
// URL that differs from what the keys are for, a template without tenants or
// tenants without one, an option with a value that makes no sense, WithClaims
// for two types, WithRevocations without MaxLifetime or with revocations that
// forget too early.
func NewVerifier(issuers []Issuer, options ...VerifierOption) (*Verifier, error) {
	v := &Verifier{
		now:         time.Now, //nolint:forbidigo // the default clock
		leeway:      DefaultLeeway,
		maxSize:     DefaultMaxSize,
		types:       []string{"", "jwt", "at+jwt"},
		revocations: nothingRevoked{},
		cacheSize:   DefaultCacheSize,
		slots:       make(slots, defaultSlots()),
	}
	if err := v.trust(issuers); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	for _, option := range options {
		if option == nil {
			return nil, errors.New("token: nil option")
		}
		if err := option.apply(v); err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
	}
	if err := v.checkRevocations(); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	v.cache, v.headers = newCache(v.cacheSize), newHeaders()
	return v, nil
}

// trust adds the issuers.
func (v *Verifier) trust(issuers []Issuer) error {
	if len(issuers) == 0 {
		return errors.New("no issuers")
	}
	v.byURL = make(map[string]*issuer, len(issuers))
	for _, i := range issuers {
		if err := v.trustOne(i); err != nil {
			return fmt.Errorf("issuer %q: %w", i.URL, err)
		}
	}
	return nil
}

// trustOne adds what i stands for.
func (v *Verifier) trustOne(i Issuer) error {
	if err := i.validate(); err != nil {
		return err
	}
	urls, err := i.urls()
	if err != nil {
		return err
	}
	shared := issuer{
		anyAudience: i.AnyAudience != "", audiences: slices.Clone(i.Audiences), clients: slices.Clone(i.Clients),
		keys: i.Keys, algorithms: slices.Clone(i.Algorithms),
	}
	shared.live, _ = i.Keys.(keyset.Live)
	for _, url := range urls {
		if v.byURL[url] != nil {
			return fmt.Errorf("URL %q is given twice", url)
		}
		one := shared
		one.url = url
		v.byURL[url] = &one
		v.issuers = append(v.issuers, &one)
	}
	return nil
}

// MaxSize returns the length in bytes of the longest token that is looked at.
func (v *Verifier) MaxSize() int { return v.maxSize }

// Issuers returns the URLs of the issuers whose tokens are accepted, with those
// of tenants one by one.
func (v *Verifier) Issuers() []string {
	urls := make([]string, len(v.issuers))
	for i, issuer := range v.issuers {
		urls[i] = issuer.url
	}
	return urls
}

// OnRevoked is that of the [Revocations] which the verifier asks: ended is called
// when t is revoked, unless stop was called before. It is for whoever goes on
// trusting t after [Verifier.Verify], as an open stream does.
func (v *Verifier) OnRevoked(t *Token, ended func()) (stop func()) {
	return v.revocations.OnRevoked(t, ended)
}

// Now returns the time by the verifier's clock.
func (v *Verifier) Now() time.Time { return v.now() }

// Verify verifies a token in compact form, without "Bearer". The token is
// non-nil if and only if the error is nil. A non-nil error is an [*Error]; all
// reasons but [ReasonMissing] are possible.
//
// A token that was verified before is looked up, see [CacheSize]: then Verify waits for
// nothing. Otherwise it may wait for an unknown key, no longer than ctx and the limits of
// the key set, and, while very many are verified at once, for its turn, no longer than
// ctx; see [MaxConcurrentVerifications].
func (v *Verifier) Verify(ctx context.Context, raw string) (*Token, error) {
	if v.observer == nil {
		t, _, err := v.verify(ctx, raw)
		return result(t, err)
	}
	began := v.now()
	t, cached, err := v.verify(ctx, raw)
	v.observer.Verified(ctx, v.verification(t, cached, err, began))
	return result(t, err)
}

// result makes no error of none.
func result(t *Token, err *Error) (*Token, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}

// verify returns the verdict on a token, and whether it was in the cache.
func (v *Verifier) verify(ctx context.Context, raw string) (t *Token, cached bool, err *Error) {
	if len(raw) > v.maxSize {
		return nil, false, errTooLarge
	}
	if t, err = v.recall(raw); t == nil {
		t, err = v.examine(ctx, raw)
	} else {
		cached = true
	}
	if err == nil {
		err = v.checkRevoked(t)
	}
	if err != nil {
		return nil, cached, err
	}
	return t, cached, nil
}
