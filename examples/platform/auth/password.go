package auth

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// DefaultIterations is what OWASP recommends for PBKDF2 with SHA-256.
const DefaultIterations = 600_000

const (
	scheme        = "pbkdf2-sha256"
	minIterations = 1_000 // RFC 8018 section 4.2
	maxIterations = 10_000_000
	saltLen       = 16
	sumLen        = sha256.Size
)

// Password is a password as its user knows it. Printed or logged in whatever
// way it shows nothing.
type Password string

// Format implements [fmt.Formatter].
func (Password) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "[password]") }

// Hash is what is kept of a password.
type Hash struct {
	iterations int
	salt, sum  []byte
}

// NewHash returns a hash of the password, under a new salt.
func NewHash(password Password, iterations int) (Hash, error) {
	if password == "" {
		return Hash{}, errors.New("empty password")
	}
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails
	return hash(password, salt, iterations)
}

func hash(password Password, salt []byte, iterations int) (Hash, error) {
	sum, err := pbkdf2.Key(sha256.New, string(password), salt, iterations, sumLen)
	return Hash{iterations: iterations, salt: salt, sum: sum}, err
}

// decoy returns a hash that no password matches, at the cost of a usual one.
func decoy() Hash {
	h := Hash{iterations: DefaultIterations, salt: make([]byte, saltLen), sum: make([]byte, sumLen)}
	_, _ = rand.Read(h.sum) // never fails
	return h
}

// Matches reports whether the hash is one of this password.
func (h Hash) Matches(password Password) bool {
	other, err := hash(password, h.salt, h.iterations)
	return err == nil && subtle.ConstantTimeCompare(h.sum, other.sum) == 1
}

// Encode returns the hash as text, for [ParseHash].
func (h Hash) Encode() string {
	return fmt.Sprintf("$%s$%d$%s$%s", scheme, h.iterations, encode(h.salt), encode(h.sum))
}

// ParseHash reads what [Hash.Encode] wrote. The error does not quote it.
func ParseHash(text string) (Hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 5 || parts[0] != "" || parts[1] != scheme {
		return Hash{}, fmt.Errorf("not a hash of the form $%s$ITERATIONS$SALT$SUM", scheme)
	}
	iterations, err := strconv.Atoi(parts[2])
	if err != nil || iterations < minIterations || iterations > maxIterations {
		return Hash{}, fmt.Errorf("iterations are not a number from %d to %d", minIterations, maxIterations)
	}
	salt, saltErr := decode(parts[3])
	sum, sumErr := decode(parts[4])
	if saltErr != nil || sumErr != nil || len(salt) < saltLen || len(sum) != sumLen {
		return Hash{}, errors.New("salt or sum is not base64, or of the wrong length")
	}
	return Hash{iterations: iterations, salt: salt, sum: sum}, nil
}

func encode(raw []byte) string           { return base64.RawStdEncoding.EncodeToString(raw) }
func decode(text string) ([]byte, error) { return base64.RawStdEncoding.DecodeString(text) }
