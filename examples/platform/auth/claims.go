package auth

import (
	"crypto/rand"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// NewClaims returns what a token of the platform says: who issued it, for whom,
// about whom, and for how long. Each has an id of its own.
func NewClaims(issuer, audience, subject string, issued, expires time.Time) *jwt.RegisteredClaims {
	return &jwt.RegisteredClaims{
		Issuer:    issuer,
		Audience:  jwt.ClaimStrings{audience},
		Subject:   subject,
		IssuedAt:  jwt.NewNumericDate(issued),
		ExpiresAt: jwt.NewNumericDate(expires),
		ID:        rand.Text(),
	}
}
