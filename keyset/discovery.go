package keyset

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// wellKnown is where a discovery document is, below its issuer (OpenID Connect
// Discovery 1.0 section 4).
const wellKnown = "/.well-known/openid-configuration"

// Discover is [Fetch] for an issuer that says itself where its keys are: in its
// discovery document (OpenID Connect Discovery 1.0 section 4), whose "issuer"
// must equal issuer character by character, and whose "jwks_uri" may be on
// another host but obeys the same rules as any URL here, and is https if the
// document's own is.
//
// The document is read again and again, as an issuer may move its keys. One
// that can't be read, or is no longer fit, leaves the keys where they were last
// said to be; after MaxStale of that, fetches count as failed.
//
// The configuration mistakes are those of Fetch, an issuer that is empty, or has a
// query or a fragment, and one without https:// or with a placeholder in braces, as
// multi-tenant providers have it, without a DiscoveryURL.
func Discover(issuer string, config RemoteConfig) (*Remote, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkIssuer(issuer, config); err != nil {
		return nil, fmt.Errorf("keyset: issuer: %w", err)
	}
	location := config.DiscoveryURL
	if location == "" {
		location = strings.TrimSuffix(issuer, "/") + wellKnown
	}
	endpoint, err := newEndpoint(location, config)
	if err != nil {
		return nil, fmt.Errorf("keyset: discovery URL: %w", err)
	}
	return start(config, newSource(config, endpoint, issuer))
}

// checkIssuer reports an issuer that can't be meant. It is a name, so the rules
// about URLs are for the place where its document is.
func checkIssuer(issuer string, config RemoteConfig) error {
	switch {
	case issuer == "":
		return errors.New("empty")
	case strings.ContainsAny(issuer, "?#"):
		return errors.New("a query or fragment (OpenID Connect Discovery 1.0 section 3 forbids both)")
	case config.DiscoveryURL != "":
		return nil
	case strings.ContainsAny(issuer, "{}"):
		return errors.New("a placeholder: DiscoveryURL must say where the document for all tenants is")
	case !strings.Contains(issuer, "://"):
		return errors.New("not a URL with https://: DiscoveryURL must say where its document is")
	default:
		return nil
	}
}

// discovery is what a [source] knows of where its keys are. It belongs to one
// goroutine.
type discovery struct {
	document document
	found    *endpoint // of the keys; nil until a document said it
	due      time.Time // when to read the document again
	doubted  time.Time // from when on a doubt is reason enough to do so before
	until    time.Time // how long found may be believed
}

// locate returns the endpoint of the keys. It reads the document if it is due,
// or if doubt is cast on it and that wasn't looked into just now.
func (s *source) locate(ctx context.Context, doubt bool) (*endpoint, error) {
	d, now := s.discovery, s.clock()
	doubt = doubt && !now.Before(d.doubted)
	if d.found != nil && now.Before(d.due) && !doubt {
		return d.found, nil
	}
	if doubt {
		d.doubted = now.Add(s.config.MinRefreshInterval)
	}
	err := s.discover(ctx)
	if err == nil {
		s.discoveryErr.Store(nil)
		return d.found, nil
	}
	if ctx.Err() != nil { // nobody wants to know any more
		return nil, err
	}
	s.discoveryErr.Store(&err)
	if d.found == nil || !now.Before(d.until) {
		return nil, err
	}
	d.due = s.clock().Add(max(s.config.MinRefreshInterval, s.config.patience(err)))
	d.doubted = d.due
	s.logger.WarnContext(ctx, "keyset: discovery failed, the keys stay where they were",
		slog.Any("error", err), slog.String("jwks_uri", d.found.String()))
	return d.found, nil
}

// discover reads the document. It is short and read seldom, so it is always
// asked for as a whole.
func (s *source) discover(ctx context.Context) error {
	d := s.discovery
	reply, err := s.get(ctx, d.document, "application/json", false)
	if err != nil {
		return err
	}
	found, err := s.parseDiscovery(reply.content)
	if err != nil {
		return fmt.Errorf("GET %v: discovery document: %w", d.document.endpoint, err)
	}
	now := s.clock()
	d.found = found
	d.due = now.Add(ahead(within(reply.lifetime, s.config.MinRefreshInterval, s.config.DiscoveryInterval)))
	d.until = now.Add(s.config.MaxStale)
	return nil
}

// parseDiscovery returns where a document says that the keys are.
func (s *source) parseDiscovery(content []byte) (*endpoint, error) {
	members, err := stringMembers(content, "issuer", "jwks_uri")
	if err != nil {
		return nil, err
	}
	if issuer := members["issuer"]; issuer != s.issuer {
		return nil, fmt.Errorf("it is for the issuer %s, not %s", quoteTo(maxCause, issuer), quoteTo(maxCause, s.issuer))
	}
	found, err := newEndpoint(members["jwks_uri"], s.config)
	if err != nil {
		return nil, fmt.Errorf("jwks_uri: %w", err)
	}
	if s.discovery.document.endpoint.url.Scheme == "https" && found.url.Scheme != "https" {
		return nil, errors.New("jwks_uri: leaves https")
	}
	return found, nil
}
