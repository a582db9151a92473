package scenery

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The paths of an issuer.
const (
	JWKSPath  = "/jwks.json"
	TokenPath = "/token"
)

// keyID is the name of the issuer's one key.
const keyID = "1"

// Issuer stands in for the identity provider: it signs the tokens of users and
// of services with one key, and serves that and a token endpoint.
type Issuer struct {
	URL      string        // iss of its tokens
	Audience string        // aud
	ClientID string        // of its only client
	Secret   string        // the client's
	Life     time.Duration // of the client's tokens
	Away     atomic.Bool   // while it is, it answers nobody

	key *ecdsa.PrivateKey

	mu     sync.Mutex
	signed []string // all tokens, to look for where none should be
	grants int      // how often the token endpoint gave one
}

// NewIssuer makes an issuer with a key, and a secret for its client.
func NewIssuer(url, audience, clientID string) (*Issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &Issuer{
		URL: url, Audience: audience, ClientID: clientID, Secret: rand.Text(), Life: 5 * time.Minute, key: key,
	}, err
}

// Sign returns a token for a subject that lasts that long.
func (i *Issuer) Sign(subject string, life time.Duration) (raw string, err error) {
	now := time.Now()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.RegisteredClaims{
		Issuer:    i.URL,
		Audience:  jwt.ClaimStrings{i.Audience},
		Subject:   subject,
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(life)),
		ID:        rand.Text(),
	})
	unsigned.Header["kid"] = keyID
	raw, err = unsigned.SignedString(i.key)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signed = append(i.signed, raw)
	return raw, err
}

// Handler serves the keys and the token endpoint.
func (i *Issuer) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+JWKSPath, i.serveKeys)
	mux.HandleFunc("POST "+TokenPath, i.serveToken)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.Away.Load() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// Tokens returns all that were signed so far.
func (i *Issuer) Tokens() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.signed)
}

// Granted returns how many tokens the token endpoint gave.
func (i *Issuer) Granted() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.grants
}

// serveKeys serves the JWK Set (RFC 7517 section 5).
func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	point, err := i.key.PublicKey.Bytes() // 4, x, y (SEC 1 section 2.3.3)
	if err != nil {
		http.Error(w, "no key", http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": keyID,
		"x": base64.RawURLEncoding.EncodeToString(point[1:33]),
		"y": base64.RawURLEncoding.EncodeToString(point[33:]),
	}}})
}

// answer answers in JSON. Whoever asked may be gone.
func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}
