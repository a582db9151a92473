package redisfeed_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/revocation/redisfeed"
)

func TestOpenRefusesMistakes(t *testing.T) {
	t.Parallel()
	good := func() *redis.UniversalOptions { return &redis.UniversalOptions{Addrs: []string{"127.0.0.1:1"}} }
	tests := []struct {
		name    string
		options *redis.UniversalOptions
		config  redisfeed.Config
		want    string
	}{
		{"no options", nil, redisfeed.Config{}, "Addrs is missing"},
		{"no address", &redis.UniversalOptions{}, redisfeed.Config{}, "Addrs is missing"},
		{"a URL for an address", &redis.UniversalOptions{Addrs: []string{"redis://u:" + secret + "@h:1"}}, redisfeed.Config{}, "not URLs"},
		{"any replica", &redis.UniversalOptions{Addrs: []string{"h:1"}, RouteRandomly: true}, redisfeed.Config{}, "RouteRandomly"},
		{"a key without hash tag", good(), redisfeed.Config{Key: "key"}, "hash tag"},
		{"a key with an empty hash tag", good(), redisfeed.Config{Key: "key{}"}, "hash tag"},
		{"a negative retention", good(), redisfeed.Config{Retention: -1}, "retention"},
		{"a retention without unit", good(), redisfeed.Config{Retention: 3600}, "retention"},
		{"a negative interval", good(), redisfeed.Config{Interval: -1}, "interval"},
		{"an interval of minutes", good(), redisfeed.Config{Interval: time.Minute}, "interval"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := redisfeed.Open(test.options, test.config)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("Open = %v, want %q", err, test.want)
			}
		})
	}
}

func TestReadersHaveWhatIsRevoked(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer, reader := openWriter(t, s.options()), openReader(t, s.options())
	revoke(t, writer, sessions(0, 3)...)
	got, at, _ := readAll(t, reader, "")
	same(t, got, sessions(0, 3))
	if got[0].Made().IsZero() {
		t.Error("nobody has said when the entry was made")
	}
	revoke(t, writer, session(3))
	got, at, _ = readAll(t, reader, at)
	same(t, got, sessions(3, 4))
	got, _, _ = readAll(t, openReader(t, s.options()), at)
	same(t, got, nil)
}

func TestManyPagesAreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer := openWriter(t, s.options())
	const n = 10_001 // two full pages, and one
	for first := 0; first < n; first += 1000 {
		revoke(t, writer, sessions(first, min(first+1000, n))...)
	}
	got, _, _ := readAll(t, openReader(t, s.options()), "")
	same(t, got, sessions(0, n))
}

func TestAWaitingReaderIsWoken(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer, reader := openWriter(t, s.options()), openReader(t, s.options())
	revoke(t, writer, session(0))
	_, at, _ := readAll(t, reader, "")
	got := make(chan []revocation.Entry)
	go func() {
		defer close(got)
		for position := at; ; {
			batch, err := reader.Read(t.Context(), position)
			if err != nil || len(batch.Entries) > 0 {
				got <- batch.Entries
				return
			}
			position = batch.Position
		}
	}()
	eventually(t, "a blocked client", func() error {
		if s.info("clients", "blocked_clients") != "1" {
			return errors.New("nobody waits")
		}
		return nil
	})
	revoke(t, writer, session(1))
	same(t, <-got, sessions(1, 2))
}

func TestWhatCannotBeUnderstoodIsSkipped(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer := openWriter(t, s.options())
	revoke(t, writer, session(0))
	s.do("XADD", redisfeed.DefaultKey, "*", "other", "field")
	s.do("XADD", redisfeed.DefaultKey, "*", "e", "no JSON")
	s.do("XADD", redisfeed.DefaultKey, "*", "e", `{"iss":"https://id.example.com"}`)
	s.do("XADD", redisfeed.DefaultKey, "*", "e", `{"iss":"https://id.example.com","sid":"s-1"}`, "later", "version")
	got, _, skipped := readAll(t, openReader(t, s.options()), "")
	same(t, got, sessions(0, 2))
	if len(skipped) != 3 {
		t.Errorf("skipped %v", skipped)
	}
}

func TestRevokeRefuses(t *testing.T) {
	t.Parallel()
	options := &redis.UniversalOptions{Addrs: []string{"127.0.0.1:1"}} // it never gets there
	writer := redisfeed.Config{Retention: retention}
	everything := revocation.Issuer(issuer, time.Unix(1, 0))
	tests := []struct {
		name   string
		config redisfeed.Config
		entry  revocation.Entry
		want   string
	}{
		{"a reader", redisfeed.Config{}, session(0), "Retention"},
		{"an entry that says nothing", writer, revocation.Entry{}, "says nothing"},
		{"everything of an issuer", writer, everything, "IssuerWide"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := open(t, options, test.config).Revoke(t.Context(), session(0), test.entry)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Revoke = %v, want %q", err, test.want)
			}
		})
	}
	if err := open(t, options, writer).Revoke(t.Context()); err != nil {
		t.Errorf("nothing to revoke: %v", err)
	}
	if err := open(t, options, redisfeed.Config{}).RestoreFrom(nil); err == nil {
		t.Error("a reader may restore")
	}
}

func TestIssuerWideEntriesNeedPermission(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer := open(t, s.options(), redisfeed.Config{Retention: retention, IssuerWide: true})
	e := revocation.Issuer(issuer, time.Unix(1, 0))
	revoke(t, writer, e)
	got, _, _ := readAll(t, openReader(t, s.options()), "")
	same(t, got, []revocation.Entry{e})
}

func TestPositionsOfOthersAreLost(t *testing.T) {
	t.Parallel()
	reader := openReader(t, &redis.UniversalOptions{Addrs: []string{"127.0.0.1:1"}})
	for _, position := range []string{"1", "1-1", "x-1 epoch", "1-x epoch", "1-1++ epoch", " epoch"} {
		isLost(t, reader, position)
	}
}

func TestAReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer := openWriter(t, s.options())
	revoke(t, writer, session(0))
	_, at, _ := readAll(t, writer, "")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		for {
			if _, err := writer.Read(ctx, at); err != nil {
				ended <- err
				return
			}
		}
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Read = %v", err)
	}
}

func TestAClosedFeedOnlyFails(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer := openWriter(t, s.options())
	revoke(t, writer, session(0))
	for range 2 {
		if err := writer.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := writer.Read(t.Context(), ""); !errors.Is(err, redis.ErrClosed) {
		t.Errorf("Read = %v", err)
	}
	if err := writer.Revoke(t.Context(), session(1)); !errors.Is(err, redis.ErrClosed) {
		t.Errorf("Revoke = %v", err)
	}
}
