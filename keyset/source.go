package keyset

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

const acceptJWKS = "application/jwk-set+json, application/json"

// source is where a [Remote] has its keys from. It belongs to one goroutine.
type source struct {
	fetcher
	dropConnections func() // those that nobody uses
	config          RemoteConfig
	logger          *slog.Logger
	rules           jwkRules

	issuer    string     // "" if the URL of the keys is configured
	discovery *discovery // nil likewise
	jwks      document   // without an endpoint until it is known
	seen      time.Time  // when the keys came as a whole, and not as "unchanged"
	failed    bool       // the last fetch

	discoveryErr atomic.Pointer[error] // why the document can't be read; read by others
}

// maxUnseen returns how long keys are believed to be unchanged because the issuer,
// or a cache before it, says so without showing them: for an hour, or two fetches.
func (s *source) maxUnseen() time.Duration { return max(time.Hour, 2*s.config.RefreshInterval) }

// newSource returns the source at a URL: of its keys, or, with an issuer, of
// the document that says where they are.
func newSource(config RemoteConfig, at *endpoint, issuer string) *source {
	client, dropConnections := newClient(config.Client)
	s := &source{
		fetcher:         fetcher{client: client, timeout: config.Timeout, maxBody: config.MaxBody, clock: config.Clock},
		dropConnections: dropConnections,
		config:          config,
		rules:           jwkRules{rsaAlgorithm: config.RSAAlgorithm},
		issuer:          issuer,
	}
	if issuer == "" {
		s.jwks = document{endpoint: at}
		s.logger = loggerFor(config.Logger, "url", s.name())
		return s
	}
	s.discovery = &discovery{document: document{endpoint: at}}
	s.logger = loggerFor(config.Logger, "issuer", s.name())
	return s
}

// name returns what logs and observers are told.
func (s *source) name() string {
	if s.issuer != "" {
		return s.issuer
	}
	return s.jwks.endpoint.String()
}

// identity returns what no other source has. It holds nothing secret.
func (s *source) identity() string {
	whole := s.issuer
	if whole == "" {
		whole = s.jwks.endpoint.url.String()
	}
	sum := sha256.Sum256([]byte(whole))
	return clipTo(maxCause, s.name()) + " sha256=" + encode(sum[:])
}

// fetchedKeys is what a fetch that goes well brings.
type fetchedKeys struct {
	reply
	keys    *index // nil if they are unchanged
	skipped []Skipped
}

// fetch gets the keys. With doubt there is reason to believe that they changed.
//
// Whether they changed is asked for only while all is well: an issuer whose ETag
// is wrong, or that fails when it is asked so, could hide its keys for good.
func (s *source) fetch(ctx context.Context, doubt bool) (fetchedKeys, error) {
	if s.failed {
		s.dropConnections() // one of them may be dead without knowing it
	}
	keys, err := s.fetchOnce(ctx, doubt || s.failed)
	s.failed = err != nil
	return keys, err
}

func (s *source) fetchOnce(ctx context.Context, doubt bool) (fetchedKeys, error) {
	if s.discovery != nil {
		found, err := s.locate(ctx, doubt)
		if err != nil {
			return fetchedKeys{}, err
		}
		if s.jwks.endpoint == nil || *found.url != *s.jwks.endpoint.url {
			s.jwks = document{endpoint: found}
		}
	}
	return s.getKeys(ctx, !doubt && s.clock().Before(s.seen.Add(s.maxUnseen())))
}

func (s *source) getKeys(ctx context.Context, conditional bool) (fetchedKeys, error) {
	reply, err := s.get(ctx, s.jwks, acceptJWKS, conditional)
	if err != nil {
		return fetchedKeys{}, err
	}
	if reply.unchanged {
		return fetchedKeys{reply: reply}, nil
	}
	keys, skipped, err := parseJWKS(reply.content, s.rules)
	if err != nil {
		return fetchedKeys{skipped: skipped}, fmt.Errorf("GET %v: JWK Set: %w", s.jwks.endpoint, err)
	}
	s.jwks, s.seen = reply.document, s.clock()
	return fetchedKeys{reply: reply, keys: keys, skipped: skipped}, nil
}
