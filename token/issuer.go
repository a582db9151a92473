package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// Issuer is one whose tokens are accepted, or several that differ by a tenant.
type Issuer struct {
	// URL is the issuer's identifier. A token's "iss" must equal it, character
	// by character (RFC 7519 section 4.1.1). Required.
	URL string

	// Tenants, if not empty, make URL a template: it has one placeholder, a name
	// in braces, as in https://login.microsoftonline.com/{tenantid}/v2.0. The
	// tokens of exactly these tenants are accepted. Each tenant is an issuer of
	// its own, with all else in common, and is spelled as in "iss": at Microsoft
	// Entra that is the tenant's id, and never a domain or "common".
	Tenants []string

	// Audiences are the names of this service: a token's "aud" must hold one of
	// them (RFC 7519 section 4.1.3). Required, unless AnyAudience says why not.
	Audiences []string

	// AnyAudience, if not empty, accepts tokens whoever they are meant for, and
	// says why that is right for this issuer. A token that was sent to another
	// service then works here too.
	AnyAudience string

	// Clients, if not empty, are those whose tokens are accepted: the client that
	// the token was issued to, "client_id" (RFC 9068 section 2.2) or "azp"
	// (OpenID Connect Core section 2), must be one of them, and both if the token
	// has both. They narrow Audiences, and are what is left to compare with
	// AnyAudience: access tokens of Amazon Cognito name no audience.
	Clients []string

	// Keys find the keys of this issuer, and of no other. Required. If they have
	// a method Issuer() string that says whose they are, that must be URL: with
	// Tenants, the same template.
	//
	// Of a set that is a [keyset.Live], as all of package keyset are, verified tokens
	// are kept; those of others are verified each time.
	//
	// A key that names its issuer ([keyset.Key.Issuer]) verifies the tokens of
	// no other, whoever else's keys are in the set.
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
	case slices.Contains(i.Clients, ""):
		return errors.New("an empty client in Clients")
	}
	if of := issuerOfKeys(i.Keys); of != "" && of != i.URL {
		return fmt.Errorf("the keys in Keys are those of %q, which URL must equal", of)
	}
	for _, alg := range i.Algorithms {
		if !alg.Supported() {
			return fmt.Errorf("algorithm %q is not supported", alg)
		}
	}
	return nil
}

// issuerOfKeys returns whose keys are in the set, "" if it doesn't say.
func issuerOfKeys(keys keyset.Set) string {
	if discovered, ok := keys.(interface{ Issuer() string }); ok {
		return discovered.Issuer()
	}
	return ""
}

// issuer is an Issuer that was validated and copied, for one tenant of it.
type issuer struct {
	url         string
	anyAudience bool
	audiences   []string
	clients     []string // empty means any
	keys        keyset.Set
	live        keyset.Live        // the same, nil if they can't say later whether a key is still good
	algorithms  []keyset.Algorithm // empty means whatever the keys are for
}

// isFor reports whether a token for audience is meant for this service.
func (i *issuer) isFor(audience []string) bool {
	return i.anyAudience || slices.ContainsFunc(audience, func(a string) bool { return slices.Contains(i.audiences, a) })
}

// isFrom reports whether a token with these claims was issued to a client that
// may call.
func (i *issuer) isFrom(m *marks) bool {
	if len(i.clients) == 0 {
		return true
	}
	if !m.ClientID.given && !m.AuthorizedParty.given {
		return false
	}
	return i.allows(m.ClientID) && i.allows(m.AuthorizedParty)
}

// allows reports whether claim is one of the clients, none of which is empty, if
// it is there at all.
func (i *issuer) allows(claim optionalText) bool {
	return !claim.given || slices.Contains(i.clients, claim.value)
}

// key is step 3 of verifying: the issuer's key that the header asks for.
func (i *issuer) key(ctx context.Context, h *header) (*keyset.Key, *Error) {
	alg := h.algorithm()
	if len(i.algorithms) > 0 && !slices.Contains(i.algorithms, alg) {
		return nil, refuse(ReasonUnsupported, "header: alg %s is not allowed for the issuer", alg)
	}
	key, err := i.keys.Key(ctx, h.KeyID, alg)
	switch {
	case errors.Is(err, keyset.ErrUnknownKey):
		return nil, refuseWord(ReasonKeyUnknown, "kid", h.KeyID, err)
	case errors.Is(err, keyset.ErrWrongAlgorithm):
		return nil, refuseWord(ReasonUnsupported, "alg "+string(alg)+", kid", h.KeyID, err)
	case err != nil:
		return nil, refuse(ReasonKeysUnavailable, "issuer %s: %w", i.url, err)
	case key == nil || key.Algorithm() != alg:
		return nil, refuse(ReasonKeysUnavailable, "issuer %s: the key set gave a key that was not asked for", i.url)
	}
	if !covers(key.Issuer(), i.url) {
		// A key for the tokens of one tenant must not make those of another,
		// though both are in the set that their provider publishes.
		return nil, refuse(ReasonKeyUnknown, "kid %s: the key is for issuer %s, not %s",
			quoted(h.KeyID), quoted(key.Issuer()), i.url)
	}
	return key, nil
}

// holds reports whether a key is still one of the issuer's. It is false if the set
// can't say.
func (i *issuer) holds(key *keyset.Key, now time.Time) bool {
	if i.live == nil {
		return false
	}
	good, _ := keyIsGood(key, i.live, now)
	return good
}
