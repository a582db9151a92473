package keyset

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
)

const acceptJWKS = "application/jwk-set+json, application/json"

// source is where a [Remote] has its keys from. It belongs to one goroutine.
type source struct {
	fetcher
	closeIdle func()
	config    RemoteConfig
	logger    *slog.Logger
	rules     jwkRules

	issuer    string     // "" if the URL of the keys is configured
	discovery *discovery // nil likewise
	jwks      document   // without an endpoint until it is known
	failed    bool       // the last fetch of the keys
}

// newSource returns the source at a URL: of its keys, or, with an issuer, of
// the document that says where they are.
func newSource(config RemoteConfig, at *endpoint, issuer string) *source {
	client, closeIdle := newClient(config.Client)
	s := &source{
		fetcher:   fetcher{client: client, timeout: config.Timeout, maxBody: config.MaxBody, clock: config.Clock},
		closeIdle: closeIdle,
		config:    config,
		rules:     jwkRules{rsaAlgorithm: config.RSAAlgorithm},
		issuer:    issuer,
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
	if s.issuer != "" || s.jwks.endpoint.url.RawQuery == "" {
		return s.name()
	}
	sum := sha256.Sum256([]byte(s.jwks.endpoint.url.RawQuery))
	return s.name() + "?sha256=" + encode(sum[:])
}

// fetchedKeys is what a fetch that goes well brings.
type fetchedKeys struct {
	reply
	keys    *index // nil if they are unchanged
	skipped []Skipped
}

// fetch gets the keys. With doubt there is reason to believe that they changed,
// and the answer "unchanged" is not asked for: an issuer whose ETag is wrong
// could give it for good.
func (s *source) fetch(ctx context.Context, doubt bool) (fetchedKeys, error) {
	if s.discovery != nil {
		found, err := s.locate(ctx, doubt || s.failed)
		if err != nil {
			return fetchedKeys{}, err
		}
		if s.jwks.endpoint == nil || *found.url != *s.jwks.endpoint.url {
			s.jwks = document{endpoint: found}
		}
	}
	keys, err := s.getKeys(ctx, !doubt)
	s.failed = err != nil
	return keys, err
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
	s.jwks = reply.document
	return fetchedKeys{reply: reply, keys: keys, skipped: skipped}, nil
}
