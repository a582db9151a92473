package revocation

import (
	"github.com/go-json-experiment/json/jsontext"
)

// logoutEvent is the member of "events" that makes a token a logout token.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutClaims are the claims by which a logout token differs from others. What
// they have in common, "iss", "aud", "exp" and "iat", the verifier checks.
type logoutClaims struct {
	ID      string                    `json:"jti"`
	Session *string                   `json:"sid"`
	Subject *string                   `json:"sub"`
	Events  map[string]jsontext.Value `json:"events"`
	Nonce   jsontext.Value            `json:"nonce"`
}

// Validate is steps 5 to 7 of section 2.6, and what section 2.4 requires.
//
// Other events may be there: they say nothing about this one (RFC 8417 section
// 2.2), and Keycloak adds one when a logout is to end offline sessions too.
func (c *logoutClaims) Validate() error {
	event, ok := c.Events[logoutEvent]
	switch {
	case c.ID == "":
		return &ruleError{"jti is missing or empty"}
	case c.Session == nil && c.Subject == nil:
		return &ruleError{"sid and sub are missing"}
	case isEmpty(c.Session) || isEmpty(c.Subject):
		return &ruleError{"sid or sub is empty"}
	case !ok:
		return &ruleError{"events has no back-channel logout event"}
	case event.Kind() != jsontext.KindBeginObject:
		return &ruleError{"the back-channel logout event is not an object"}
	case c.Nonce != nil:
		return &ruleError{"nonce is present"}
	default:
		return nil
	}
}

func isEmpty(s *string) bool { return s != nil && *s == "" }

// ruleError is a rule of the specification that a logout token breaks. It holds
// nothing of the token.
type ruleError struct{ rule string }

func (e *ruleError) Error() string { return e.rule }
