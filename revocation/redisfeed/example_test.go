package redisfeed_test

import (
	"crypto/tls"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/revocation/redisfeed"
)

// A service follows the revocations of its fleet. It starts without Redis, and is not
// ready before it has read what there is.
func ExampleOpen() {
	feed, err := redisfeed.Open(&redis.UniversalOptions{
		Addrs:     []string{"127.0.0.1:1"},
		Username:  "jwtrelay-reader",
		Password:  "from a secret store",
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}, redisfeed.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = feed.Close() }()
	list, err := revocation.NewList(revocation.Config{
		MaxLifetime: time.Hour,
		Sources:     []revocation.Source{{Name: "redis", Feed: feed}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = list.Close() }()
	fmt.Println("ready:", list.Status().Ready)
	// Output: ready: false
}

// A writer reads its own feed, and restores from its list what Redis loses.
func ExampleFeed_RestoreFrom() {
	const lifetime, leeway = time.Hour, time.Minute
	feed, err := redisfeed.Open(&redis.UniversalOptions{Addrs: []string{"127.0.0.1:1"}},
		redisfeed.Config{Retention: lifetime + 2*leeway})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = feed.Close() }()
	list, err := revocation.NewList(revocation.Config{
		MaxLifetime: lifetime,
		Leeway:      leeway,
		Sources:     []revocation.Source{{Name: "redis", Feed: feed}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = list.Close() }()
	fmt.Println(feed.RestoreFrom(list.Entries))
	// Output: <nil>
}
