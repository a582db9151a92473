package revocations

import (
	"cmp"
	"errors"
	"net/url"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/revocation/redisfeed"
	"github.com/jwtrelay/jwtrelay/token"
)

// PasswordVariable is the environment variable with the password of Redis, for
// when the URL has none. Unlike a flag, it is not in every list of processes.
const PasswordVariable = "PLATFORM_REDIS_PASSWORD"

// isURL reports whether a place is meant as a URL, be it a wrong one: it may hold a
// password, which errors about files would show.
func isURL(place string) bool {
	lower := strings.ToLower(place)
	return strings.Contains(place, "://") || strings.HasPrefix(lower, "redis:") || strings.HasPrefix(lower, "rediss:")
}

// errNotRedis quotes nothing of what it is about: that holds a password.
var errNotRedis = errors.New(
	"want a file, redis://[user[:password]@]host[:port][/database], or rediss:// for TLS, and no more; %2F is a / in a password, %40 an @")

// openRedis opens a place that is a stream in Redis, which need not be there yet.
// With TLS its certificate must be issued by an authority that the system trusts.
func (c Flags) openRedis(writes bool) (place, error) {
	options, err := redisOptions(c.Place, os.Getenv(PasswordVariable))
	if err != nil {
		return place{}, err
	}
	var config redisfeed.Config
	if writes {
		config.Retention = c.MaxLifetime + 2*token.DefaultLeeway
	}
	feed, err := redisfeed.Open(options, config)
	if err != nil {
		return place{}, err
	}
	opened := place{name: "redis", feed: feed, restore: func(*revocation.List) error { return nil }, close: feed.Close}
	if writes {
		opened.writer = feed
		opened.restore = func(from *revocation.List) error { return feed.RestoreFrom(from.Entries) }
	}
	return opened, nil
}

// redisOptions reads a URL. The password is for one that has none.
func redisOptions(text, password string) (*redis.UniversalOptions, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "redis" && u.Scheme != "rediss") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errNotRedis
	}
	one, err := redis.ParseURL(text)
	if err != nil {
		return nil, errNotRedis
	}
	return &redis.UniversalOptions{
		Addrs: []string{one.Addr}, Username: one.Username, Password: cmp.Or(one.Password, password),
		DB: one.DB, TLSConfig: one.TLSConfig,
	}, nil
}
