package keyset

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// RemoteConfig says how to fetch a JWK Set. The zero value suits most issuers. A
// default that would contradict another field gives way to it: with a MaxStale of 5
// minutes, RefreshInterval is no longer than that.
type RemoteConfig struct {
	// RSAAlgorithm is the algorithm of RSA keys that don't name one.
	// Zero means RS256.
	RSAAlgorithm Algorithm

	// MinRefreshInterval and RefreshInterval are the shortest and the longest
	// time for which keys that were fetched count as fresh. Between the two the
	// issuer decides, by Cache-Control or Expires; if it says nothing, or that
	// its answer may not be kept at all, it is RefreshInterval. The next fetch
	// is 5 to 25 % earlier, so that a fleet does not ask in step. Zero means one
	// minute and 10 minutes.
	//
	// A withdrawn key is refused after the next fetch that goes well. Whether the
	// keys changed is asked with ETag and Last-Modified; that they did not is
	// believed for an hour, or two intervals, and then they are fetched as a whole.
	MinRefreshInterval, RefreshInterval time.Duration

	// MaxStale is for how long keys are used after the last fetch that went
	// well. Past it the set answers [ErrUnavailable] until the next one. Zero
	// means 24 hours.
	MaxStale time.Duration

	// MinBackoff and MaxBackoff bound the time to the next try after failed
	// ones. It doubles from one to the other, each up to a half shorter. Zero
	// means one second and one minute. An issuer that asks for more time by
	// Retry-After gets it, up to RefreshInterval.
	MinBackoff, MaxBackoff time.Duration

	// Timeout bounds one request as a whole, redirects and body included. Zero
	// means 10 seconds.
	Timeout time.Duration

	// MaxBody bounds the size of the JWK Set, and of a discovery document, in
	// bytes. Zero means 1 MiB.
	MaxBody int64

	// UnknownBurst and UnknownInterval are the budget of fetches for key ids
	// that the set lacks: so many at once, and one more after each interval.
	// Zero means 3 and 5 seconds. Two replicas of the issuer that differ, or
	// strangers who make ids up, cost no more than that; a rotation that was
	// not announced is picked up within one interval. An id that was looked for
	// in vain is unknown without asking for one interval, then for two, for four,
	// up to half a minute.
	UnknownBurst    int
	UnknownInterval time.Duration

	// UnknownWait bounds how long [Remote.Key] waits for such a fetch, besides
	// its context. Zero means 2 seconds.
	UnknownWait time.Duration

	// DiscoveryURL is where the discovery document is, if that is not the issuer
	// followed by /.well-known/openid-configuration. It is for [Discover] only.
	DiscoveryURL string

	// DiscoveryInterval is the longest time between two looks at the discovery
	// document, the shortest being MinRefreshInterval. It is also looked at when
	// the keys can't be fetched, or lack an id. Zero means one hour.
	DiscoveryInterval time.Duration

	// SnapshotFile is a file in which the last good keys are kept, for a start
	// while the issuer is away: a set that finds them there is ready at once,
	// and counts their age from when they were fetched. One file is for one set
	// of one process, on a local disk. It is replaced atomically, and nobody
	// else can read it; whoever can write it chooses the keys, so a file of
	// another user, or that others may write, is ignored with a warning (on Unix,
	// where that can be told), as is one that is broken, or of another issuer or
	// URL. Empty means none.
	SnapshotFile string

	// Client makes the requests: for a cluster's CA, a proxy, a credential.
	// It is copied, and the rules about URLs and redirects hold around it, its
	// own CheckRedirect after them. A credential that it adds goes wherever the
	// requests go, with [Discover] to the host of jwks_uri too. Its Transport must
	// heed the requests' contexts; a nil one is replaced by the set's own. Nil means
	// a client with that transport, which obeys the proxy environment variables, asks
	// for TLS 1.2 or later, takes 64 KiB of headers, keeps no cookies, and makes a new
	// connection after a failure.
	Client *http.Client

	// RedirectHosts are the hosts besides the URL's own that a redirect may
	// lead to, as host or host:port. Empty means none.
	RedirectHosts []string

	// InsecureAllowHTTP allows http URLs for hosts other than loopback.
	// Whoever is on the path can then choose the keys, and sign any token.
	InsecureAllowHTTP bool

	// Distrusted are the thumbprints of keys that are never used, whatever the
	// issuer says, see [Remote.Distrust]. Empty means none.
	Distrusted []string

	// ReadyChanged is told whether the set is ready, for a health check: before
	// the constructor returns, when the first keys come, when they get older than
	// MaxStale, and when there are new ones. interceptor.ReportHealth makes one
	// for gRPC's health service, and must be there before the set. Calls come one
	// after the other, and the set waits for each: it must not call Close, which
	// tells nothing itself. A fetch under way is waited for, so that a call may be
	// late by Timeout, or two with [Discover]. Nil means nobody.
	ReadyChanged func(ready bool)

	// Observer is told of fetches and of refused keys. Nil means nobody, and
	// costs nothing.
	Observer Observer

	// Logger is told of changed keys, of keys that are left out and of fetches
	// that fail. Nil means [slog.Default].
	Logger *slog.Logger

	// Clock tells the time, and must not go back. Nil means [time.Now].
	Clock func() time.Time
}

// withDefaults returns c with every zero filled in, and an error for a value
// that can't be meant.
func (c RemoteConfig) withDefaults() (RemoteConfig, error) {
	if err := c.fillTimes(); err != nil {
		return c, err
	}
	if err := c.checkOrder(); err != nil {
		return c, err
	}
	var err error
	if c.MaxBody, err = orDefault("MaxBody", c.MaxBody, 1<<20); err != nil {
		return c, err
	}
	if c.MaxBody > maxMaxBody {
		return c, fmt.Errorf("keyset: MaxBody %d is over 1 GiB", c.MaxBody)
	}
	if c.UnknownBurst, err = orDefault("UnknownBurst", c.UnknownBurst, 3); err != nil {
		return c, err
	}
	c.Clock = clockOr(c.Clock)
	return c, nil
}

// maxMaxBody is more than anybody can mean.
const maxMaxBody = 1 << 30

// fillTimes replaces each time that is zero by its default, which gives way to
// what the configuration says about others.
func (c *RemoteConfig) fillTimes() error {
	for _, field := range []struct {
		name      string
		value     *time.Duration
		byDefault time.Duration
	}{
		{"RefreshInterval", &c.RefreshInterval, notOver(c.MaxStale, max(10*time.Minute, c.MinRefreshInterval))},
		{"MinRefreshInterval", &c.MinRefreshInterval, notOver(c.RefreshInterval, notOver(c.DiscoveryInterval, notOver(c.MaxStale, time.Minute)))},
		{"DiscoveryInterval", &c.DiscoveryInterval, max(time.Hour, c.MinRefreshInterval)},
		{"MaxStale", &c.MaxStale, max(24*time.Hour, c.RefreshInterval)},
		{"MinBackoff", &c.MinBackoff, notOver(c.MaxBackoff, time.Second)},
		{"MaxBackoff", &c.MaxBackoff, max(time.Minute, c.MinBackoff)},
		{"Timeout", &c.Timeout, 10 * time.Second},
		{"UnknownInterval", &c.UnknownInterval, 5 * time.Second},
		{"UnknownWait", &c.UnknownWait, 2 * time.Second},
	} {
		var err error
		if *field.value, err = timeOr(field.name, *field.value, field.byDefault); err != nil {
			return err
		}
	}
	return nil
}

// notOver returns d, or limit if that is set and shorter.
func notOver(limit, d time.Duration) time.Duration {
	if limit > 0 {
		return min(limit, d)
	}
	return d
}

// checkOrder reports two times of which the one that must be longer isn't.
func (c RemoteConfig) checkOrder() error {
	for _, pair := range []struct {
		short, long     string
		shorter, longer time.Duration
	}{
		{"MinBackoff", "MaxBackoff", c.MinBackoff, c.MaxBackoff},
		{"MinRefreshInterval", "RefreshInterval", c.MinRefreshInterval, c.RefreshInterval},
		{"MinRefreshInterval", "DiscoveryInterval", c.MinRefreshInterval, c.DiscoveryInterval},
		{"RefreshInterval", "MaxStale", c.RefreshInterval, c.MaxStale},
	} {
		if pair.longer < pair.shorter {
			return fmt.Errorf("keyset: %s %v is under %s %v", pair.long, pair.longer, pair.short, pair.shorter)
		}
	}
	return nil
}

// patience returns how long the issuer that err comes from asks to be left alone,
// as far as it is granted; 0 if it doesn't.
func (c RemoteConfig) patience(err error) time.Duration {
	var refused *statusError
	if errors.As(err, &refused) {
		return min(refused.retryAfter, c.RefreshInterval)
	}
	return 0
}

// The bounds of a time in a configuration. 600, without a unit, is 600 ns: it
// would ask the issuer a million times a second.
const (
	minTime = time.Millisecond
	maxTime = 10 * 365 * 24 * time.Hour
)

// timeOr is orDefault for a time, which must be within those bounds.
func timeOr(name string, value, byDefault time.Duration) (time.Duration, error) {
	value, err := orDefault(name, value, byDefault)
	switch {
	case err != nil:
		return 0, err
	case value < minTime:
		return 0, fmt.Errorf("keyset: %s %v is under a millisecond: is its unit missing?", name, value)
	case value > maxTime:
		return 0, fmt.Errorf("keyset: %s %v is over ten years", name, value)
	default:
		return value, nil
	}
}

// orDefault returns value, or byDefault if it is zero. A negative one is an
// error.
func orDefault[T int | int64 | time.Duration](name string, value, byDefault T) (T, error) {
	if value < 0 {
		return 0, fmt.Errorf("keyset: %s %v is negative", name, value)
	}
	if value == 0 {
		return byDefault, nil
	}
	return value, nil
}

// clockOr returns clock, or the one of the system.
func clockOr(clock func() time.Time) func() time.Time {
	if clock == nil {
		return time.Now //nolint:forbidigo // the default of the parameter
	}
	return clock
}

// loggerFor returns logger, or the default one, with the source of the keys.
func loggerFor(logger *slog.Logger, kind, source string) *slog.Logger {
	if logger == nil {
		logger = slog.Default() //nolint:forbidigo // the default of the parameter
	}
	return logger.With(slog.String(kind, source))
}
