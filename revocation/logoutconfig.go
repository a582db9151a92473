package revocation

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

// LogoutConfig is what [BackChannelLogout] is made of. Issuers is required. What it
// says holds for all of them: those that need something else get a handler, and an
// URL, of their own.
type LogoutConfig struct {
	// Issuers are the providers whose logouts are believed. URL and Keys are those
	// by which access tokens are verified, so that their rotation is shared.
	// Audiences are not: a logout token is meant for a client of the provider, so
	// they are the ids of the clients that have this handler's URL as their
	// backchannel_logout_uri. AnyAudience is a mistake here.
	Issuers []token.Issuer

	// AllowUntyped accepts logout tokens whose header has no "typ", or the value
	// "JWT", besides those with "logout+jwt". The specification only recommends
	// the latter (section 2.4), and not all providers follow.
	AllowUntyped bool

	// EverySession ends all sessions of the user whenever one of them ends: besides
	// the session, everything is revoked that was issued to the user earlier. It is
	// for providers whose access tokens have no "sid", so that an entry for a
	// session would match none of them. A logout token without "sub" then still
	// revokes the session only.
	EverySession bool

	// MaxLifetime is how long a logout token may live, from "iat" to "exp". 0
	// stands for [DefaultLogoutLifetime]. Section 4 asks providers for two minutes.
	MaxLifetime time.Duration

	// Leeway is how far the clocks of issuers and of this process may differ, at
	// most 10 minutes. 0 stands for [token.DefaultLeeway].
	Leeway time.Duration

	// Timeout bounds a request: reading it, the look-up of a key, and publishing,
	// together. 0 stands for [DefaultLogoutTimeout].
	Timeout time.Duration

	// Observer is told about every request; nil if nobody wants to know.
	Observer LogoutObserver

	// Logger gets a line for each logout token that is refused, with the reason
	// and nothing of the token, and for each that can't be verified or published
	// now, with the writer's error. nil discards them.
	Logger *slog.Logger

	// Clock returns the time; nil stands for [time.Now]. Timeout doesn't follow it.
	Clock func() time.Time
}

// What zero values of [LogoutConfig] stand for.
const (
	DefaultLogoutLifetime = 10 * time.Minute
	DefaultLogoutTimeout  = 10 * time.Second
)

// Bounds of what is not a mistake.
const (
	maxLogoutLifetime = 24 * time.Hour
	maxLogoutTimeout  = 10 * time.Minute
)

// withDefaults returns the configuration with what zero values stand for.
func (c LogoutConfig) withDefaults() (LogoutConfig, error) {
	if c.MaxLifetime == 0 {
		c.MaxLifetime = DefaultLogoutLifetime
	}
	if c.Leeway == 0 {
		c.Leeway = token.DefaultLeeway
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultLogoutTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now //nolint:forbidigo // the default clock
	}
	return c, c.check()
}

func (c *LogoutConfig) check() error {
	switch {
	case c.MaxLifetime < time.Second || c.MaxLifetime > maxLogoutLifetime:
		return fmt.Errorf("MaxLifetime %v is not between a second and %v", c.MaxLifetime, maxLogoutLifetime)
	case c.Timeout < time.Millisecond || c.Timeout > maxLogoutTimeout:
		return fmt.Errorf("a Timeout of %v is not between a millisecond and %v", c.Timeout, maxLogoutTimeout)
	}
	for _, issuer := range c.Issuers {
		if issuer.AnyAudience != "" {
			return errors.New("AnyAudience is set: name your client ids in Audiences instead")
		}
	}
	return nil
}

// verifier returns what verifies logout tokens, and nothing else.
func (c *LogoutConfig) verifier() (*token.Verifier, error) {
	types := []string{"logout+jwt"}
	if c.AllowUntyped {
		types = append(types, "JWT", "")
	}
	return token.NewVerifier(c.Issuers,
		token.Types(types...),
		token.AnyTokenKind(),
		token.AllowNoSubject(),
		token.WithClaims[logoutClaims](),
		token.MaxLifetime(c.MaxLifetime),
		token.Leeway(c.Leeway),
		token.CacheSize(0), // each is good for one logout
		token.WithClock(c.Clock))
}
