package redisfeed

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation"
)

// Feed is a [revocation.Feed] and a [revocation.Writer] over a stream in Redis. It
// has a client of its own, with a connection for each reader, until [Feed.Close].
// Its methods may be called concurrently.
type Feed struct {
	client redis.UniversalClient
	config Config
	epoch  string // the key

	restore  atomic.Pointer[func() iter.Seq[revocation.Entry]]
	founding chan struct{}          // has a value while an epoch is begun
	newest   atomic.Uint64          // of the ids seen, in milliseconds
	own      atomic.Pointer[string] // the epoch that this feed has announced last

	mu      sync.Mutex
	closed  bool
	waiting sync.WaitGroup
}

var (
	_ revocation.Feed   = (*Feed)(nil)
	_ revocation.Writer = (*Feed)(nil)
)

// Open returns a feed over the Redis that the options name: one server, Sentinels
// (MasterName) or a cluster (several Addrs, or IsClusterMode). It returns at once and
// connects when it is used, so that services start without Redis. TLS, user and
// password are options.
//
// Only a configuration mistake is an error: options without Addrs or with a URL in
// them, which would show its password, or with reads from any replica; a Key without
// hash tag; a time that is negative or absurd.
func Open(options *redis.UniversalOptions, config Config) (*Feed, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("redisfeed: %w", err)
	}
	own, err := clientOptions(options)
	if err != nil {
		return nil, fmt.Errorf("redisfeed: %w", err)
	}
	return &Feed{
		client:   redis.NewUniversalClient(own),
		config:   config,
		epoch:    config.Key + ":epoch",
		founding: make(chan struct{}, 1),
	}, nil
}

// Close ends the connections and what waits on them, and waits for that. Close the
// lists that read the feed first: it only returns errors afterwards. It may be
// called more than once.
func (f *Feed) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	err := f.client.Close()
	f.waiting.Wait()
	if err != nil {
		return fmt.Errorf("redisfeed: close: %w", err)
	}
	return nil
}

// answerTimeout is how long Redis may take to answer, with what it is asked to wait.
// What takes longer has been cut off.
const answerTimeout = 3 * time.Second

// failed says what could not be done. The client's errors hold addresses and what
// Redis answered, but no password.
func failed(doing string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("redisfeed: %s: no answer in time: %w", doing, err)
	}
	return fmt.Errorf("redisfeed: %s: %w", doing, err)
}
