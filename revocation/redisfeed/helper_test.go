package redisfeed_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/revocation/redisfeed"
)

// retention is that of the writers in these tests.
const retention = time.Hour

// issuer is that of all entries.
const issuer = "https://id.example.com"

// open returns a feed that ends with the test.
func open(t *testing.T, options *redis.UniversalOptions, config redisfeed.Config) *redisfeed.Feed {
	t.Helper()
	if config.Interval == 0 {
		config.Interval = 10 * time.Millisecond
	}
	feed, err := redisfeed.Open(options, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := feed.Close(); err != nil {
			t.Error(err)
		}
	})
	return feed
}

func openWriter(t *testing.T, options *redis.UniversalOptions) *redisfeed.Feed {
	t.Helper()
	return open(t, options, redisfeed.Config{Retention: retention})
}

func openReader(t *testing.T, options *redis.UniversalOptions) *redisfeed.Feed {
	t.Helper()
	return open(t, options, redisfeed.Config{})
}

// listOf returns a list that follows a feed, until the test ends.
func listOf(t *testing.T, feed revocation.Feed) *revocation.List {
	t.Helper()
	list, err := revocation.NewList(revocation.Config{
		MaxLifetime: retention, Sources: []revocation.Source{{Name: "redis", Feed: feed}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	return list
}

// healing returns a writer that restores what its own list has.
func healing(t *testing.T, options *redis.UniversalOptions) (*redisfeed.Feed, *revocation.List) {
	t.Helper()
	feed := openWriter(t, options)
	list := listOf(t, feed)
	if err := feed.RestoreFrom(list.Entries); err != nil {
		t.Fatal(err)
	}
	return feed, list
}

// session returns the entry with a number.
func session(number int) revocation.Entry {
	return revocation.Session(issuer, fmt.Sprintf("s-%d", number))
}

// sessions returns entries with the numbers from first up to last.
func sessions(first, last int) []revocation.Entry {
	entries := make([]revocation.Entry, 0, last-first)
	for i := first; i < last; i++ {
		entries = append(entries, session(i))
	}
	return entries
}

// revoke publishes entries, and tries again for as long as a user of the package
// would.
func revoke(t *testing.T, feed revocation.Writer, entries ...revocation.Entry) {
	t.Helper()
	eventually(t, "revoke", func() error { return feed.Revoke(t.Context(), entries...) })
}

// patience is how long anything may take, on a machine that has other things to do.
const patience = 30 * time.Second

// eventually waits until a condition holds: it returns nil then.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: still: %v", what, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// has waits until a list has exactly the sessions up to n.
func has(t *testing.T, list *revocation.List, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d sessions", n), func() error {
		if status := list.Status(); status.Entries != n {
			return fmt.Errorf("%v", status)
		}
		return nil
	})
	want := make(map[revocation.Entry]bool, n)
	for _, e := range sessions(0, n) {
		want[e] = true
	}
	for e := range list.Entries() {
		if e = e.At(time.Unix(0, 0)); !want[e] {
			t.Fatalf("has %v, which is not among %d", e, n)
		}
		delete(want, e)
	}
	if len(want) > 0 {
		t.Fatalf("lacks %d entries", len(want))
	}
}

// readAll reads a feed from a position until it is up to date.
func readAll(t *testing.T, feed revocation.Feed, position string) (all []revocation.Entry, at string, skipped []error) {
	t.Helper()
	for {
		batch, err := feed.Read(t.Context(), position)
		if err != nil {
			t.Fatal(err)
		}
		all, skipped = append(all, batch.Entries...), append(skipped, batch.Skipped...)
		if position = batch.Position; batch.UpToDate {
			return all, position, skipped
		}
	}
}

// isLost checks that a feed says that it can't go on.
func isLost(t *testing.T, feed revocation.Feed, position string) {
	t.Helper()
	batch, err := feed.Read(t.Context(), position)
	if !errors.Is(err, revocation.ErrPositionLost) {
		t.Errorf("Read = %v, %v; want ErrPositionLost", batch, err)
	}
}

// names returns what entries are for, in their order.
func names(entries []revocation.Entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.String())
	}
	return all
}

// same checks that entries are for the same, in the same order.
func same(t *testing.T, got, want []revocation.Entry) {
	t.Helper()
	if !slices.Equal(names(got), names(want)) {
		t.Errorf("got %v\nwant %v", names(got), names(want))
	}
}

// counting is a feed that counts the reads that bring entries.
type counting struct {
	revocation.Feed

	mu sync.Mutex
	n  int
}

func (c *counting) Read(ctx context.Context, position string) (revocation.Batch, error) {
	batch, err := c.Feed.Read(ctx, position)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(batch.Entries) > 0 {
		c.n++
	}
	return batch, err
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}
