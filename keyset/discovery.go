package keyset

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
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
// The configuration mistakes are those of Fetch, an issuer with a query or a
// fragment, and one with a placeholder in braces, as multi-tenant providers
// have it, without a DiscoveryURL.
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
	read     time.Time // when it was last tried to read the document
	due      time.Time // when to read it again
	until    time.Time // how long found may be believed
}

// locate returns the endpoint of the keys. It reads the document if it is due,
// or doubt is cast on it and it wasn't read just now.
func (s *source) locate(ctx context.Context, doubt bool) (*endpoint, error) {
	d, now := s.discovery, s.clock()
	fresh := now.Before(d.due) && (!doubt || now.Before(d.read.Add(s.config.MinRefreshInterval)))
	if d.found != nil && fresh {
		return d.found, nil
	}
	d.read = now
	err := s.discover(ctx)
	switch {
	case err == nil:
		return d.found, nil
	case d.found == nil || !now.Before(d.until) || ctx.Err() != nil:
		return nil, err
	default:
		d.due = now.Add(s.config.MinRefreshInterval)
		s.logger.WarnContext(ctx, "keyset: discovery failed, the keys stay where they were",
			slog.Any("error", err), slog.String("jwks_uri", d.found.String()))
		return d.found, nil
	}
}

// discover reads the document.
func (s *source) discover(ctx context.Context) error {
	d := s.discovery
	reply, err := s.get(ctx, d.document, "application/json", true)
	if err != nil {
		return err
	}
	if !reply.unchanged {
		found, err := s.parseDiscovery(reply.content)
		if err != nil {
			return fmt.Errorf("GET %v: discovery document: %w", d.document.endpoint, err)
		}
		d.found = found
	}
	d.document = reply.document
	now := s.clock()
	d.due = now.Add(ahead(within(reply.lifetime, s.config.MinRefreshInterval, s.config.DiscoveryInterval)))
	d.until = now.Add(s.config.MaxStale)
	return nil
}

// parseDiscovery returns where a document says that the keys are.
func (s *source) parseDiscovery(content []byte) (*endpoint, error) {
	var members struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(content, &members); err != nil {
		return nil, errors.New("not a JSON object with an issuer and a jwks_uri") // the cause may quote it
	}
	if members.Issuer != s.issuer {
		return nil, fmt.Errorf("it is for the issuer %s, not %s", quoteTo(maxCause, members.Issuer), quoteTo(maxCause, s.issuer))
	}
	found, err := newEndpoint(members.JWKSURI, s.config)
	if err != nil {
		return nil, fmt.Errorf("jwks_uri: %w", err)
	}
	if s.discovery.document.endpoint.url.Scheme == "https" && found.url.Scheme != "https" {
		return nil, errors.New("jwks_uri: leaves https")
	}
	return found, nil
}
