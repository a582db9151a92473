package token

import (
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// claims are the claims that a [Token] shows: the registered ones (RFC 7519
// section 4.1), the session and scopes.
type claims struct {
	Issuer    string
	Subject   string
	Audience  []string
	Expires   time.Time
	NotBefore time.Time
	IssuedAt  time.Time
	ID        string
	Session   string   // OpenID Connect Front-Channel Logout 1.0 section 3
	Scope     []string // nil if it is not there
	SCP       []string // the same
}

// marks are claims that only the verifier looks at, all of which may have any
// value. By some a token shows that it is not a bearer access token: only that
// they are there matters, or one value of theirs.
type marks struct {
	ClientID        optionalText // only an issuer with Clients cares
	AuthorizedParty optionalText // the same

	IDHash       bool         // at_hash or c_hash, OpenID Connect Core sections 3.1.3.6 and 3.3.2.11: an ID token
	Events       bool         // RFC 8417 section 2.2: a security event or logout token
	Type         optionalText // Keycloak: Bearer, ID, Refresh, Offline, Logout
	Use          optionalText // Cognito: access, id
	Confirmation bool         // cnf, RFC 7800: bound to a key
}

// statement is all that a payload says which every verifier looks at.
type statement struct {
	claims
	marks
}

// member implements [members].
func (s *statement) member(name []byte, value jsontext.Value) (err error) {
	switch string(name) {
	case "iss":
		s.Issuer, err = text(value)
	case "sub":
		s.Subject, err = text(value)
	case "aud":
		s.Audience, err = texts(value)
	case "exp":
		s.Expires, err = date(value)
	case "nbf":
		s.NotBefore, err = date(value)
	case "iat":
		s.IssuedAt, err = date(value)
	case "jti":
		s.ID, err = text(value)
	case "sid":
		s.Session, err = text(value)
	case "scope":
		s.Scope, err = words(value)
	case "scp":
		s.SCP, err = words(value)
	default:
		err = s.mark(name, value)
	}
	return err
}

// mark is member for what a [Token] doesn't show.
func (m *marks) mark(name []byte, value jsontext.Value) (err error) {
	switch string(name) {
	case "client_id":
		m.ClientID, err = anyText(value)
	case "azp":
		m.AuthorizedParty, err = anyText(value)
	case "typ":
		m.Type, err = anyText(value)
	case "token_use":
		m.Use, err = anyText(value)
	case "at_hash", "c_hash":
		m.IDHash = true
	case "events":
		m.Events = true
	case "cnf":
		m.Confirmation = true
	}
	return err
}

// issuerClaim is the issuer that a payload names.
type issuerClaim struct{ Issuer string }

// member implements [members].
func (i *issuerClaim) member(name []byte, value jsontext.Value) (err error) {
	if string(name) == "iss" {
		i.Issuer, err = text(value)
	}
	return err
}

func (c *claims) scopes() []string {
	if c.Scope != nil {
		return c.Scope
	}
	return c.SCP
}

// parseClaims is the first half of step 5 of verifying: the form.
func parseClaims(payload []byte) (*statement, *Error) {
	said := new(statement)
	if err := readObject(payload, maxClaimsDepth, said); err != nil {
		return nil, unfit(err, ReasonClaimsInvalid, "claims")
	}
	return said, nil
}

// checkClaims is the second half of step 5: what the claims say.
func (v *Verifier) checkClaims(s *statement, issuer *issuer, now time.Time) *Error {
	if s.Issuer != issuer.url {
		return refuse(ReasonIssuerMismatch, "iss is %s, want %q", quoted(s.Issuer), issuer.url)
	}
	if !issuer.isFor(s.Audience) {
		return refuse(ReasonAudienceMismatch, "aud is %s, want one of %q", quoted(strings.Join(s.Audience, " ")), issuer.audiences)
	}
	if !issuer.isFrom(&s.marks) {
		return refuse(ReasonAudienceMismatch, "client_id is %s and azp %s, want one of %q",
			quoted(s.ClientID.value), quoted(s.AuthorizedParty.value), issuer.clients)
	}
	if s.Subject == "" && !v.allowNoSubject {
		return refuse(ReasonClaimsInvalid, "sub is missing or empty")
	}
	if err := v.checkTimes(&s.claims, now); err != nil {
		return err
	}
	return v.checkKind(&s.marks)
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
	case c.Expires.Sub(c.IssuedAt) > v.maxLifetime:
		return refuse(ReasonClaimsInvalid, "lives longer than %v", v.maxLifetime)
	}
	return nil
}

// checkKind refuses tokens that were issued for something else (RFC 8725
// section 3.12) or that a bearer alone may not use.
func (v *Verifier) checkKind(m *marks) *Error {
	if m.Confirmation && !v.allowBound {
		return refuse(ReasonUnsupported, "cnf: bound to a key or certificate (RFC 7800)")
	}
	if v.anyKind {
		return nil
	}
	switch {
	case m.IDHash:
		return refuse(ReasonClaimsInvalid, "at_hash or c_hash: an ID token")
	case m.Events:
		return refuse(ReasonClaimsInvalid, "events: a security event or logout token")
	case isOneOf(m.Type.value, "ID", "Refresh", "Offline", "Logout"):
		return refuse(ReasonClaimsInvalid, "typ: an ID, refresh or logout token")
	case isOneOf(m.Use.value, "id"):
		return refuse(ReasonClaimsInvalid, "token_use: an ID token")
	}
	return nil
}

// isOneOf reports whether value is one of the given strings, in any case.
func isOneOf(value string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(value, name) })
}
