package revocation

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

// Config is what a [List] is made of. MaxLifetime is required.
type Config struct {
	// MaxLifetime is how long a token lives at most, from "iat" to "exp": what the
	// verifiers that ask the list have as [token.MaxLifetime], or more. An entry is
	// remembered for so long.
	MaxLifetime time.Duration

	// Leeway is how far the clocks of issuers, writers and this process may differ,
	// and no less than the verifiers'. 0 stands for [token.DefaultLeeway].
	Leeway time.Duration

	// Sources are where entries come from, besides [List.Revoke].
	Sources []Source

	// IssuedBefore refuses all tokens that an issuer issued before a time: an
	// emergency brake that no feed can let go. Issuers are named as "iss" has them, to
	// the letter: a slash too many, and nothing matches.
	IssuedBefore map[string]time.Time

	// MaxAge is how old the list may be. A source that was not seen to be up to date
	// for so long makes the list fail: tokens that are not known to be revoked are
	// refused as [token.ReasonRevocationsUnavailable] until it is. 0 stands for any
	// age: an outage of revocations is then no outage of services, and what was
	// revoked meanwhile is accepted until the feed is back, or the token expires.
	// Make it several times what the feeds wait for entries, a second or the Interval
	// of most, and 5 s at least: a quiet source was up to date as of when it was asked.
	MaxAge time.Duration

	// AcceptUnread accepts tokens before each source was read to its end once. By
	// default they are refused as they are past MaxAge: a list that was never read
	// knows of nothing that was revoked. MaxAge begins once a source was read.
	AcceptUnread bool

	// ReadyChanged is called with whether the list can be relied on, as
	// [Status.Ready] has it: by NewList, before it returns, and whenever that
	// changes, from the goroutine of a source, which waits for it. It must not call
	// Close or WaitReady. See interceptor.ReportHealth and AllReady. Growing too old is noticed within a second.
	ReadyChanged func(ready bool)

	// Observer is told what happens; nil if nobody wants to know.
	Observer Observer

	// Logger gets a line when a source fails, is back, or brings what is skipped.
	// It may name issuers, sessions and users. nil discards them.
	Logger *slog.Logger

	// Clock returns the time; nil stands for [time.Now].
	Clock func() time.Time
}

// Source is a feed, and how far it is believed.
type Source struct {
	// Name is for logs and observers. It is required, and every source has its own.
	Name string

	// Feed is required.
	Feed Feed

	// IssuerWide lets the feed revoke everything of an issuer (see [Issuer]). It is
	// for a feed that only few may write to: whoever can, can log out everybody.
	// Otherwise such entries are skipped.
	IssuerWide bool
}

// minMaxAge is the shortest time in which a quiet feed says several times that it is up
// to date.
const minMaxAge = 5 * time.Second

// maxDuration is the longest time that is not a mistake.
const maxDuration = 10 * 365 * 24 * time.Hour

// withDefaults returns the configuration with what zero values stand for.
func (c Config) withDefaults() (Config, error) {
	if c.Leeway == 0 {
		c.Leeway = token.DefaultLeeway
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now //nolint:forbidigo // the default clock
	}
	if c.ReadyChanged == nil {
		c.ReadyChanged = func(bool) {}
	}
	return c, c.check()
}

func (c *Config) check() error {
	switch {
	case c.MaxLifetime == 0:
		return errors.New("MaxLifetime is missing: for how long are entries to be remembered?")
	case c.MaxLifetime < time.Second || c.MaxLifetime > maxDuration:
		return fmt.Errorf("MaxLifetime %v is not between a second and ten years", c.MaxLifetime)
	case c.Leeway < 0 || c.Leeway > maxDuration:
		return fmt.Errorf("leeway %v is not between 0 and ten years", c.Leeway)
	case c.MaxAge != 0 && (c.MaxAge < minMaxAge || c.MaxAge > maxDuration):
		return fmt.Errorf("MaxAge %v is not between %v and ten years", c.MaxAge, minMaxAge)
	}
	names := make(map[string]bool, len(c.Sources))
	for _, s := range c.Sources {
		switch {
		case s.Name == "" || s.Feed == nil:
			return fmt.Errorf("source %q: Name or Feed is missing", s.Name)
		case names[s.Name]:
			return fmt.Errorf("source %q: the name is given twice", s.Name)
		}
		names[s.Name] = true
	}
	return nil
}

// remembers returns for how many seconds after it was made an entry may matter: a
// token that ended may say that it was issued up to the leeway later, and is
// accepted up to the leeway longer than it lives.
func (c *Config) remembers() int64 { return ceilSeconds(c.MaxLifetime) + 2*ceilSeconds(c.Leeway) }

func ceilSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
