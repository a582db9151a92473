package token

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// Issuer is one whose tokens are accepted.
type Issuer struct {
	// URL is the issuer's identifier. A token's "iss" must equal it, character
	// by character (RFC 7519 section 4.1.1). Required.
	URL string

	// Audiences are the names of this service: a token's "aud" must hold one of
	// them (RFC 7519 section 4.1.3). Required, unless AnyAudience says why not.
	Audiences []string

	// AnyAudience, if not empty, accepts tokens whoever they are meant for, and
	// says why that is right for this issuer. A token that was sent to another
	// service then works here too.
	AnyAudience string

	// Keys find the keys of this issuer, and of no other. Required.
	Keys keyset.Set

	// Algorithms narrows the algorithms that are accepted. Zero means those
	// that the keys are for.
	Algorithms []keyset.Algorithm
}

// validate reports what is wrong with the configuration.
func (i Issuer) validate() error {
	switch {
	case i.URL == "":
		return errors.New("URL is empty")
	case i.Keys == nil:
		return errors.New("no Keys")
	case len(i.Audiences) == 0 && i.AnyAudience == "":
		return errors.New(`no Audiences: name this service, or set AnyAudience to the reason why any will do`)
	case len(i.Audiences) > 0 && i.AnyAudience != "":
		return errors.New("both Audiences and AnyAudience are set")
	case slices.Contains(i.Audiences, ""):
		return errors.New("an empty audience")
	}
	for _, alg := range i.Algorithms {
		if !alg.Supported() {
			return fmt.Errorf("algorithm %q is not supported", alg)
		}
	}
	return nil
}

// issuer is an Issuer that was validated and copied.
type issuer struct {
	url         string
	anyAudience bool
	audiences   []string
	keys        keyset.Set
	algorithms  []keyset.Algorithm // empty means whatever the keys are for
}

// isFor reports whether a token for audience is meant for this service.
func (i *issuer) isFor(audience []string) bool {
	return i.anyAudience || slices.ContainsFunc(audience, func(a string) bool { return slices.Contains(i.audiences, a) })
}

// key is step 3 of verifying: the issuer's key that the header asks for.
func (i *issuer) key(ctx context.Context, h *header) (*keyset.Key, *Error) {
	alg := h.algorithm()
	if len(i.algorithms) > 0 && !slices.Contains(i.algorithms, alg) {
		return nil, refuse(ReasonUnsupported, "header: alg %s is not allowed for the issuer", alg)
	}
	key, err := i.keys.Key(ctx, string(h.KeyID), alg)
	switch {
	case errors.Is(err, keyset.ErrUnknownKey):
		return nil, refuse(ReasonKeyUnknown, "kid %s: %w", quoted(string(h.KeyID)), err)
	case errors.Is(err, keyset.ErrWrongAlgorithm):
		return nil, refuse(ReasonUnsupported, "kid %s, alg %s: %w", quoted(string(h.KeyID)), alg, err)
	case err != nil:
		return nil, refuse(ReasonKeysUnavailable, "issuer %s: %w", i.url, err)
	case key == nil || key.Algorithm() != alg:
		return nil, refuse(ReasonKeysUnavailable, "issuer %s: the key set gave a key that was not asked for", i.url)
	}
	return key, nil
}
