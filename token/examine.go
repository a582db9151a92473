package token

import (
	"context"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// examine takes the steps that the package comment lists, but the last.
func (v *Verifier) examine(ctx context.Context, raw string) (*Token, *Error) {
	segments, err := split(raw)
	if err != nil {
		return nil, err
	}
	header, familiar, err := v.headerOf(ctx, &segments)
	if err != nil {
		return nil, err
	}
	issuer, err := v.issuerOf(ctx, segments.payload)
	if err != nil {
		return nil, err
	}
	c := &candidate{segments: segments, header: header, familiar: familiar, issuer: issuer}
	for {
		if c.key, err = issuer.key(ctx, header); err != nil {
			return nil, err
		}
		c.held = issuer.holds(c.key, v.now())
		if t, err := v.once(ctx, raw, c); err != errKeyGone {
			return t, err
		}
	}
}

// headerOf is step 2 of verifying. familiar says that it was taken before, and that a
// signature held under this header then.
func (v *Verifier) headerOf(ctx context.Context, s *segments) (parsed *header, familiar bool, err *Error) {
	if known := v.headers.find(s.encoded); known != nil {
		return known, true, nil
	}
	parsed, err = v.parseHeader(ctx, s.header)
	if err != nil {
		return nil, false, err
	}
	return parsed, false, v.checkType(parsed)
}

// candidate is a token of which it is known whose key is to verify it.
type candidate struct {
	segments segments
	header   *header // may be shared
	familiar bool    // whether a signature held under such a header before
	issuer   *issuer
	key      *keyset.Key
	held     bool // whether its set said so when it gave the key
}

// errKeyGone is a candidate whose key was withdrawn while it waited: the issuer is to be
// asked again. It stays in here.
var errKeyGone = &Error{reason: ReasonKeyUnknown}

// once examines a candidate, unless somebody else is about to, or has just done so.
func (v *Verifier) once(ctx context.Context, raw string, c *candidate) (*Token, *Error) {
	key := flightKey{raw, c.key}
	for {
		flight, leads := v.flights.join(key)
		if leads {
			return v.lead(ctx, raw, c, flight)
		}
		if err := flight.wait(ctx); err != nil {
			return nil, err
		}
		if !flight.abandoned {
			return flight.token, flight.err
		}
	}
}

// lead examines a candidate for all who wait for it.
func (v *Verifier) lead(ctx context.Context, raw string, c *candidate, flight *flight) (*Token, *Error) {
	defer v.flights.land(flightKey{raw, c.key}, flight)
	if t, err := v.recall(raw); t != nil { // the flight before this one has just landed
		flight.end(t, err)
		return t, err
	}
	if err := v.slots.take(ctx); err != nil {
		return nil, err // which is the end of this call, and of no other
	}
	if c.held && !c.issuer.holds(c.key, v.now()) { // a call may wait for as long as it likes
		v.slots.free()
		return nil, errKeyGone
	}
	t, err := v.judge(raw, c)
	flight.end(t, err)
	return t, err
}

// judge checks a candidate's signature and what it says. It frees the slot.
func (v *Verifier) judge(raw string, c *candidate) (*Token, *Error) {
	if err := v.checkSignature(c); err != nil {
		return nil, err
	}
	if !c.familiar {
		v.headers.keep(c.segments.encoded, c.header)
	}
	said, err := parseClaims(c.segments.payload)
	if err != nil {
		return nil, err
	}
	// The look-up of the key may have waited: what counts is the time now.
	if err := v.checkClaims(said, c.issuer, v.now()); err != nil {
		return nil, err
	}
	application, err := v.applicationClaims(c.segments.payload)
	if err != nil {
		return nil, err
	}
	t := newToken(&contents{
		authorization: bearer + raw,
		keyID:         c.header.KeyID,
		algorithm:     c.key.Algorithm(),
		claims:        said.claims,
		validUntil:    said.Expires.Add(v.leeway),
		application:   application,
		cache:         v.cache,
	})
	v.cache.keep(t, c.key, c.issuer.live)
	return t, nil
}

// checkSignature is step 4 of verifying. It frees the slot.
func (v *Verifier) checkSignature(c *candidate) *Error {
	defer v.slots.free()
	if err := c.key.Verify(c.segments.signed, c.segments.signature); err != nil {
		return refuseWord(ReasonSignatureInvalid, "kid", c.key.ID(), err)
	}
	return nil
}

// issuerOf returns the issuer whose keys may verify the token. With several,
// the payload says which; nothing else in it is believed before the signature
// holds, and this one is checked again then.
func (v *Verifier) issuerOf(ctx context.Context, payload []byte) (*issuer, *Error) {
	if len(v.issuers) == 1 {
		return v.issuers[0], nil
	}
	var claim issuerClaim
	if err := v.readUnverified(ctx, payload, maxClaimsDepth, &claim); err != nil {
		return nil, unfit(err, ReasonClaimsInvalid, "claims")
	}
	issuer := v.byURL[claim.Issuer]
	if issuer == nil {
		return nil, refuse(ReasonIssuerMismatch, "iss is %s, which none of the issuers is", quoted(claim.Issuer))
	}
	return issuer, nil
}

// shortJSON is how many bytes of JSON are read in no time, however they look.
const shortJSON = 512

// readUnverified is readObject for what stands in front of a signature. A stranger
// decides how long it takes, up to many times a signature: so it waits for a slot, as
// signatures do, unless it is short or plain. The error may be an [*Error].
func (v *Verifier) readUnverified(ctx context.Context, data []byte, depth int, m members) error {
	var plain plainObject
	if plain.scan(data) {
		return readPlain(data, plain.members[:plain.count], m)
	}
	if len(data) > shortJSON {
		if err := v.slots.take(ctx); err != nil {
			return err
		}
		defer v.slots.free()
	}
	return readObject(data, depth, m)
}

// applicationClaims is step 6 of verifying: the team's own claims.
func (v *Verifier) applicationClaims(payload []byte) (any, *Error) {
	if v.decodeClaims == nil {
		return nil, nil
	}
	decoded, err := v.decodeClaims(payload)
	if err != nil {
		return nil, refuse(ReasonClaimsInvalid, "own claims: %w", err)
	}
	return decoded, nil
}
