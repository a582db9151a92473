package auth

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are what a token of the platform says.
type Claims struct {
	jwt.RegisteredClaims
	Scope   string `json:"scope,omitempty"` // RFC 9068 section 2.2.3
	Session string `json:"sid"`             // OpenID Connect Back-Channel Logout 1.0 section 2.1
}

// NewClaims returns what a token of the platform says: who issued it, for whom,
// about whom, what it is good for, and for how long. Each has an id of its own,
// and belongs to a session of its own: here a login gives one token.
func NewClaims(issuer, audience, subject string, scopes []string, issued, expires time.Time) *Claims {
	return &Claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    issuer,
			Audience:  jwt.ClaimStrings{audience},
			Subject:   subject,
			IssuedAt:  jwt.NewNumericDate(issued),
			ExpiresAt: jwt.NewNumericDate(expires),
			ID:        rand.Text(),
		},
		Scope:   strings.Join(scopes, " "),
		Session: rand.Text(),
	}
}
