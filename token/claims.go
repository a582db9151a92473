package token

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// claims are the claims that every verifier looks at: the registered ones (RFC
// 7519 section 4.1), scopes, and what marks other kinds of token.
type claims struct {
	Issuer    text  `json:"iss"`
	Subject   text  `json:"sub"`
	Audience  texts `json:"aud"`
	Expires   date  `json:"exp"`
	NotBefore date  `json:"nbf"`
	IssuedAt  date  `json:"iat"`
	ID        text  `json:"jti"`
	Session   text  `json:"sid"` // OpenID Connect Front-Channel Logout 1.0 section 3
	Scope     words `json:"scope"`
	SCP       words `json:"scp"`

	// Only an issuer with Clients cares, so that any value will do otherwise.
	ClientID        jsontext.Value `json:"client_id"`
	AuthorizedParty jsontext.Value `json:"azp"`

	marks
}

// marks are claims by which a token shows that it is not a bearer access
// token. Only that they are there matters, or one value of theirs.
type marks struct {
	AccessTokenHash jsontext.Value `json:"at_hash"`   // OpenID Connect Core section 3.1.3.6: an ID token
	CodeHash        jsontext.Value `json:"c_hash"`    // OpenID Connect Core section 3.3.2.11: an ID token
	Events          jsontext.Value `json:"events"`    // RFC 8417 section 2.2: a security event or logout token
	Type            jsontext.Value `json:"typ"`       // Keycloak: Bearer, ID, Refresh, Offline, Logout
	Use             jsontext.Value `json:"token_use"` // Cognito: access, id
	Confirmation    jsontext.Value `json:"cnf"`       // RFC 7800: bound to a key
}

// words is a claim of scopes: a string of words between spaces, or a list.
type words []string

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (w *words) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	listed := decoder.PeekKind() == jsontext.KindBeginArray
	if err := (*texts)(w).UnmarshalJSONFrom(decoder); err != nil || listed {
		return err
	}
	*w = strings.FieldsFunc((*w)[0], func(r rune) bool { return r == ' ' })
	return nil
}

func (c *claims) scopes() []string {
	if c.Scope != nil {
		return c.Scope
	}
	return c.SCP
}

// parseClaims is the first half of step 5 of verifying: the form.
func parseClaims(payload []byte) (claims, *Error) {
	var c claims
	if err := unmarshalObject(payload, maxClaimsDepth, &c); err != nil {
		return claims{}, unfit(err, ReasonClaimsInvalid, "claims")
	}
	return c, nil
}

// checkClaims is the second half of step 5: what the claims say.
func (v *Verifier) checkClaims(c *claims, issuer *issuer, now time.Time) *Error {
	if string(c.Issuer) != issuer.url {
		return refuse(ReasonIssuerMismatch, "iss is %s, want %q", quoted(string(c.Issuer)), issuer.url)
	}
	if !issuer.isFor(c.Audience) {
		return refuse(ReasonAudienceMismatch, "aud is %s, want one of %q", quoted(strings.Join(c.Audience, " ")), issuer.audiences)
	}
	if !issuer.isFrom(c) {
		return refuse(ReasonAudienceMismatch, "client_id is %s and azp %s, want one of %q",
			quoted(string(c.ClientID)), quoted(string(c.AuthorizedParty)), issuer.clients)
	}
	if c.Subject == "" && !v.allowNoSubject {
		return refuse(ReasonClaimsInvalid, "sub is missing or empty")
	}
	if err := v.checkTimes(c, now); err != nil {
		return err
	}
	return v.checkKind(&c.marks)
}

// checkTimes compares exp, nbf and iat with now (RFC 7519 sections 4.1.4 to
// 4.1.6).
func (v *Verifier) checkTimes(c *claims, now time.Time) *Error {
	latest := now.Add(v.leeway)
	switch {
	case c.Expires.IsZero():
		return refuse(ReasonClaimsInvalid, "exp is missing")
	case !now.Before(c.Expires.Add(v.leeway)):
		return refuse(ReasonExpired, "expired at %v", c.Expires)
	case c.NotBefore.After(latest):
		return refuse(ReasonNotYetValid, "not valid before %v", c.NotBefore)
	case c.IssuedAt.After(latest):
		return refuse(ReasonNotYetValid, "issued at %v", c.IssuedAt)
	case v.maxLifetime == 0:
		return nil
	case c.IssuedAt.IsZero():
		return refuse(ReasonClaimsInvalid, "iat is missing, and lifetimes are limited")
	case c.Expires.Sub(c.IssuedAt.Time) > v.maxLifetime:
		return refuse(ReasonClaimsInvalid, "lives longer than %v", v.maxLifetime)
	}
	return nil
}

// checkKind refuses tokens that were issued for something else (RFC 8725
// section 3.12) or that a bearer alone may not use.
func (v *Verifier) checkKind(m *marks) *Error {
	if m.Confirmation != nil && !v.allowBound {
		return refuse(ReasonUnsupported, "cnf: bound to a key or certificate (RFC 7800)")
	}
	if v.anyKind {
		return nil
	}
	switch {
	case m.AccessTokenHash != nil || m.CodeHash != nil:
		return refuse(ReasonClaimsInvalid, "at_hash or c_hash: an ID token")
	case m.Events != nil:
		return refuse(ReasonClaimsInvalid, "events: a security event or logout token")
	case isOneOf(m.Type, "ID", "Refresh", "Offline", "Logout"):
		return refuse(ReasonClaimsInvalid, "typ: an ID, refresh or logout token")
	case isOneOf(m.Use, "id"):
		return refuse(ReasonClaimsInvalid, "token_use: an ID token")
	}
	return nil
}

// isOneOf reports whether value is one of the given strings, in any case.
func isOneOf(value jsontext.Value, names ...string) bool {
	s, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return false
	}
	for _, name := range names {
		if strings.EqualFold(string(s), name) {
			return true
		}
	}
	return false
}
