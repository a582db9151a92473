package redisfeed

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// DefaultKey is the key of the stream, if nothing else is configured.
const DefaultKey = "jwtrelay:{revocations}"

// Config says what a [Feed] does in Redis. The zero Config is that of a reader.
type Config struct {
	// Key is that of the stream; "" stands for [DefaultKey]. It must have a hash tag,
	// such as {revocations}, which keeps the epoch's key (this one and ":epoch") in
	// the same slot of a cluster. Readers and writers must have the same.
	Key string

	// Retention is how long entries stay in the stream: the longest lifetime of a
	// token and twice the leeway, or more, by Redis's clock. Nothing checks that it
	// covers the lists that read. A feed without it can't Revoke. In one that
	// only reads it does no harm, and spares reading all again where the item that was
	// read last is older.
	Retention time.Duration

	// IssuerWide lets Revoke and [Feed.RestoreFrom] publish entries for everything of
	// an issuer, which revocation.Source.IssuerWide lets a list believe. Otherwise
	// Revoke refuses them, and restoring leaves them out: a list may have some from its
	// own configuration that are not meant for the fleet.
	IssuerWide bool

	// Interval is the least time between two reads that bring entries, so that in a
	// large fleet a burst of revocations costs each reader few answers. An entry that
	// comes after a quiet time does not wait. 0 stands for 100 milliseconds.
	Interval time.Duration

	// Clock returns the time; nil stands for [time.Now]. Entries that don't say when
	// they were made have it from here.
	Clock func() time.Time
}

const (
	defaultInterval = 100 * time.Millisecond
	maxInterval     = 10 * time.Second
	maxRetention    = 20 * 365 * 24 * time.Hour
)

func (c Config) withDefaults() (Config, error) {
	if c.Key == "" {
		c.Key = DefaultKey
	}
	if c.Interval == 0 {
		c.Interval = defaultInterval
	}
	if c.Clock == nil {
		c.Clock = time.Now //nolint:forbidigo // the default clock
	}
	return c, c.check()
}

func (c *Config) check() error {
	switch {
	case !hasHashTag(c.Key):
		return fmt.Errorf("key %q has no hash tag: write it as %q", c.Key, "{"+c.Key+"}")
	case c.Retention != 0 && (c.Retention < time.Second || c.Retention > maxRetention):
		return fmt.Errorf("retention %v is not between a second and twenty years", c.Retention)
	case c.Interval < time.Millisecond || c.Interval > maxInterval:
		return fmt.Errorf("interval %v is not between a millisecond and %v", c.Interval, maxInterval)
	default:
		return nil
	}
}

// hasHashTag reports whether a cluster places a key by a part of it: what is between
// the first brace and the next closing one, if that isn't empty.
func hasHashTag(key string) bool {
	_, tag, _ := strings.Cut(key, "{")
	return strings.Index(tag, "}") > 0
}

// clientOptions returns a copy of the options with what this package needs.
func clientOptions(options *redis.UniversalOptions) (*redis.UniversalOptions, error) {
	if err := checkOptions(options); err != nil {
		return nil, err
	}
	own := *options
	own.ContextTimeoutEnabled = true // else a silent network is noticed late
	own.DisableIdentity = true       // CLIENT SETINFO is not among the permissions
	own.PipelinePoolSize = -1        // one connection a reader is enough
	own.ClientSideCacheConfig, own.ClientSideCache = nil, nil
	if own.MaintNotificationsConfig == nil { // nor is CLIENT MAINT_NOTIFICATIONS
		own.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	}
	if own.MaxRetries == 0 {
		own.MaxRetries = 1 // for a connection that broke unnoticed; else the list tries again
	}
	if own.DialerRetries == 0 {
		own.DialerRetries = 1
	}
	if own.DialTimeout == 0 {
		own.DialTimeout = answerTimeout
	}
	return &own, nil
}

// checkOptions reports a mistake. It quotes no address: one that is a URL holds the
// password.
func checkOptions(options *redis.UniversalOptions) error {
	switch {
	case options == nil || len(options.Addrs) == 0:
		return errors.New("options: Addrs is missing")
	case strings.ContainsAny(strings.Join(options.Addrs, ""), "@/"):
		return errors.New("options: Addrs are host:port, not URLs; user and password are options of their own")
	case options.ReadOnly || options.RouteByLatency || options.RouteRandomly:
		return errors.New("options: ReadOnly, RouteByLatency and RouteRandomly lead to replicas that are not equally far; name one in Addrs")
	default:
		return nil
	}
}
