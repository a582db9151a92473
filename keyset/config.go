package keyset

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// RemoteConfig says how to fetch a JWK Set. The zero value suits most issuers.
type RemoteConfig struct {
	// RSAAlgorithm is the algorithm of RSA keys that don't name one.
	// Zero means RS256.
	RSAAlgorithm Algorithm

	// RefreshInterval is the longest time between two fetches that go well;
	// each is up to a fifth shorter, so that a fleet does not ask in step. A
	// withdrawn key is refused after the next one; while fetches fail, it is
	// not. Zero means 10 minutes.
	RefreshInterval time.Duration

	// MinBackoff and MaxBackoff bound the time to the next try after failed
	// ones. It doubles from one to the other, each up to a half shorter. Zero
	// means one second and one minute.
	MinBackoff, MaxBackoff time.Duration

	// Timeout bounds one fetch as a whole, redirects and body included. Zero
	// means 10 seconds.
	Timeout time.Duration

	// MaxBody bounds the size of the JWK Set, in bytes. Zero means 1 MiB.
	MaxBody int64

	// UnknownBurst and UnknownInterval are the budget of fetches for key ids
	// that the set lacks: so many at once, and one more after each interval.
	// Zero means 3 and 5 seconds. Two replicas of the issuer that differ, or
	// strangers who make ids up, cost no more than that; a rotation that was
	// not announced is picked up within one interval.
	UnknownBurst    int
	UnknownInterval time.Duration

	// UnknownWait bounds how long [Remote.Key] waits for such a fetch, besides
	// its context. Zero means 2 seconds.
	UnknownWait time.Duration

	// Client makes the requests: for a cluster's CA, a proxy, a credential.
	// It is copied, and the rules about URLs and redirects hold around it, its
	// own CheckRedirect after them. Its Transport must heed the requests'
	// contexts; a nil one is replaced by the set's own. Nil means a client
	// with that transport, which obeys the proxy environment variables, asks
	// for TLS 1.2 or later and keeps no cookies.
	Client *http.Client

	// RedirectHosts are the hosts besides the URL's own that a redirect may
	// lead to, as host or host:port. Empty means none.
	RedirectHosts []string

	// InsecureAllowHTTP allows http URLs for hosts other than loopback.
	// Whoever is on the path can then choose the keys, and sign any token.
	InsecureAllowHTTP bool

	// Logger is told of changed keys, of keys that are left out and of fetches
	// that fail. Nil means [slog.Default].
	Logger *slog.Logger

	// Clock tells the time, and must not go back. Nil means [time.Now].
	Clock func() time.Time
}

// withDefaults returns c with every zero filled in, and an error for a value
// that can't be meant.
func (c RemoteConfig) withDefaults() (RemoteConfig, error) {
	for _, field := range []struct {
		name      string
		value     *time.Duration
		byDefault time.Duration
	}{
		{"RefreshInterval", &c.RefreshInterval, 10 * time.Minute},
		{"MinBackoff", &c.MinBackoff, time.Second},
		{"MaxBackoff", &c.MaxBackoff, max(time.Minute, c.MinBackoff)},
		{"Timeout", &c.Timeout, 10 * time.Second},
		{"UnknownInterval", &c.UnknownInterval, 5 * time.Second},
		{"UnknownWait", &c.UnknownWait, 2 * time.Second},
	} {
		var err error
		if *field.value, err = orDefault(field.name, *field.value, field.byDefault); err != nil {
			return c, err
		}
	}
	if c.MaxBackoff < c.MinBackoff {
		return c, fmt.Errorf("keyset: MaxBackoff %v is under MinBackoff %v", c.MaxBackoff, c.MinBackoff)
	}
	var err error
	if c.MaxBody, err = orDefault("MaxBody", c.MaxBody, 1<<20); err != nil {
		return c, err
	}
	if c.UnknownBurst, err = orDefault("UnknownBurst", c.UnknownBurst, 3); err != nil {
		return c, err
	}
	if c.Clock == nil {
		c.Clock = time.Now //nolint:forbidigo // the default of the parameter
	}
	return c, nil
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

// loggerFor returns logger, or the default one, with the source of the keys.
func loggerFor(logger *slog.Logger, kind, source string) *slog.Logger {
	if logger == nil {
		logger = slog.Default() //nolint:forbidigo // the default of the parameter
	}
	return logger.With(slog.String(kind, source))
}
