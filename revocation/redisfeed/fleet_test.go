package redisfeed_test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/revocation/redisfeed"
)

// TestAllReplicasConverge has two writers revoke 100 000 sessions while the server is
// killed, the network of some is cut, and replicas come and go.
func TestAllReplicasConverge(t *testing.T) {
	t.Parallel()
	const n, batch = 100_000, 1000
	s := startServer(t)
	p := startProxy(t, s.addr)
	first, second := openWriter(t, s.options()), openWriter(t, s.options())
	revoke(t, first, session(0))
	stays := listOf(t, openReader(t, s.options()))
	cutOff := listOf(t, openReader(t, &redis.UniversalOptions{Addrs: []string{p.addr}}))
	var writing sync.WaitGroup
	write := func(writer revocation.Writer, from, to int) {
		for ; from < to; from += batch {
			publish(t, writer, sessions(from, from+batch)) // may come twice, which does no harm
		}
	}
	writing.Go(func() { write(first, 0, n/2) })
	writing.Go(func() { write(second, n/2, n) })
	for i := range 4 {
		p.refuse(i%2 == 0)
		if i == 2 {
			s.kill()
			s.start()
		}
		visitor := listOf(t, openReader(t, s.options()))
		grows(t, visitor)
		if err := visitor.Close(); err != nil {
			t.Error(err)
		}
	}
	p.refuse(false)
	late := listOf(t, openReader(t, s.options()))
	writing.Wait()
	for _, list := range []*revocation.List{stays, cutOff, late} {
		has(t, list, n)
	}
}

// publish revokes, and tries again, in a goroutine that is not the test's.
func publish(t *testing.T, writer revocation.Writer, entries []revocation.Entry) {
	for began := time.Now(); ; {
		err := writer.Revoke(t.Context(), entries...)
		if err == nil {
			return
		}
		if time.Since(began) > patience {
			t.Errorf("revoke: still: %v", err)
			return
		}
	}
}

// grows waits until a list has something.
func grows(t *testing.T, list *revocation.List) {
	t.Helper()
	eventually(t, "a replica begins", func() error {
		if status := list.Status(); status.Entries == 0 {
			return fmt.Errorf("%v", status)
		}
		return nil
	})
}

// TestABurstIsReadInFewAnswers counts the answers that a burst of revocations, each
// on its own, costs a reader.
func TestABurstIsReadInFewAnswers(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer := openWriter(t, s.options())
	revoke(t, writer, session(0))
	reader := open(t, s.options(), redisfeed.Config{Interval: 500 * time.Millisecond})
	reads := &counting{Feed: reader}
	list := listOf(t, reads)
	has(t, list, 1)
	const n = 500
	began := time.Now()
	for i := range n - 1 {
		revoke(t, writer, session(i+1))
	}
	has(t, list, n)
	if most := 4 + int(time.Since(began)/(500*time.Millisecond)); reads.count() > most {
		t.Errorf("%d reads brought entries, want %d at most", reads.count(), most)
	}
}

// TestWhatAnEntryCosts measures what the package's documentation says: it prints when
// COSTS is set, and fails if an entry costs much more.
func TestWhatAnEntryCosts(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := startProxy(t, s.addr)
	writer := openWriter(t, s.options())
	const n = 10_000
	for first := 0; first < n; first += 1000 {
		var entries []revocation.Entry
		for i := first; i < first+1000; i++ { // an id is a UUID
			id := fmt.Sprintf("0b8f2c1e-4d5a-4c3b-9a7e-%012d", i)
			entries = append(entries, revocation.Session(issuer, id))
		}
		revoke(t, writer, entries...)
	}
	memory, ok := s.do("MEMORY", "USAGE", redisfeed.DefaultKey, "SAMPLES", "0").(int64)
	if !ok {
		t.Fatal("MEMORY USAGE has no answer")
	}
	readAll(t, openReader(t, &redis.UniversalOptions{Addrs: []string{p.addr}}), "")
	wire := p.down.Load()
	aof, err := strconv.ParseInt(s.info("persistence", "aof_current_size"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("COSTS") != "" {
		t.Logf("bytes an entry: memory %d, wire %d, AOF %d", memory/n, wire/n, aof/n)
	}
	if memory/n > 200 || wire/n > 200 {
		t.Errorf("bytes an entry: memory %d, wire %d", memory/n, wire/n)
	}
}
