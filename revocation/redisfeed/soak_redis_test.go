//go:build soak

package redisfeed_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/revocation/redisfeed"
)

// openSoakFeed opens the feed, as readers and the writer do.
func openSoakFeed(address string) (*redisfeed.Feed, error) {
	return redisfeed.Open(&redis.UniversalOptions{Addrs: []string{address}},
		redisfeed.Config{Retention: soakLifetime + 2*time.Minute, IssuerWide: true})
}

// openSoakWriter opens the feed of the writer, with a list that it restores a Redis
// from that is new or has lost something.
func openSoakWriter(t *testing.T, address string) *redisfeed.Feed {
	t.Helper()
	feed, err := openSoakFeed(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = feed.Close() })
	list, err := revocation.NewList(revocation.Config{
		MaxLifetime: soakLifetime,
		Sources:     []revocation.Source{{Name: "redis", Feed: feed, IssuerWide: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	if err := feed.RestoreFrom(list.Entries); err != nil {
		t.Fatal(err)
	}
	return feed
}
