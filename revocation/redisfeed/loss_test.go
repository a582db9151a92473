package redisfeed_test

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/revocation/redisfeed"
)

// epochKey is where the epoch is.
const epochKey = redisfeed.DefaultKey + ":epoch"

func TestARestartAfterKillLosesNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer := openWriter(t, s.options())
	reader := openReader(t, s.options())
	list := listOf(t, reader)
	revoke(t, writer, sessions(0, 10)...)
	has(t, list, 10)
	_, at, _ := readAll(t, reader, "")
	s.kill()
	if err := writer.Revoke(t.Context(), session(10)); err == nil {
		t.Error("Revoke without a server is no error")
	}
	eventually(t, "the list notices", func() error {
		if list.Status().Sources[0].Failures == 0 {
			return errors.New("no failure")
		}
		return nil
	})
	has(t, list, 10)
	s.start()
	revoke(t, writer, session(10))
	has(t, list, 11)
	got, _, _ := readAll(t, reader, at) // its position has outlived the server
	same(t, got, sessions(10, 11))
}

// TestARedisThatLostItsDataIsHealed loses data in every way in which a Redis does.
// Readers keep what they have; the writer notices without being asked to revoke
// anything, and publishes what it has, for those that begin.
func TestARedisThatLostItsDataIsHealed(t *testing.T) {
	t.Parallel()
	restart := func(s *server, data string) {
		s.kill()
		s.replace(data)
		s.start()
	}
	tests := []struct {
		name string
		lose func(s *server, early string)
	}{
		{"flushed", func(s *server, _ string) { s.do("FLUSHALL") }},
		{"restarted empty", func(s *server, _ string) { restart(s, "") }},
		{"only the stream is gone", func(s *server, _ string) { s.do("DEL", redisfeed.DefaultKey) }},
		{"only the epoch is gone", func(s *server, _ string) { s.do("DEL", epochKey) }},
		{"restored from an early copy", restart},
		{"another one, announced by another writer", func(s *server, _ string) {
			restart(s, "")
			s.do("SET", epochKey, "another")
		}},
		{"trimmed by somebody else", func(s *server, _ string) { s.do("XTRIM", redisfeed.DefaultKey, "MAXLEN", "0") }},
		{"an early copy and a clock that went back", func(s *server, early string) {
			restart(s, early)
			last := s.admin.XInfoStream(s.t.Context(), redisfeed.DefaultKey).Val().LastGeneratedID
			s.do("XADD", redisfeed.DefaultKey, last+"1", "e", `{"iss":"https://id.example.com","sid":"s-5"}`)
			s.do("XADD", redisfeed.DefaultKey, "*", "e", `{"iss":"https://id.example.com","sid":"s-6"}`)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			writer, own := healing(t, s.options())
			reader := openReader(t, s.options())
			list := listOf(t, reader)
			revoke(t, writer, sessions(0, 5)...)
			early := s.saved()
			revoke(t, writer, sessions(5, 10)...)
			has(t, own, 10)
			has(t, list, 10)
			_, at, _ := readAll(t, reader, "")
			test.lose(s, early)
			eventually(t, "a new reader has all", func() error { return hasAll(t, reader, 10) })
			isLost(t, reader, at)
			has(t, list, 10)
			has(t, own, 10)
		})
	}
}

// hasAll returns nil if a reader that begins gets the sessions up to n.
func hasAll(t *testing.T, feed revocation.Feed, n int) error {
	t.Helper()
	batch, err := feed.Read(t.Context(), "")
	if err != nil {
		return err
	}
	for _, e := range sessions(0, n) {
		if !slices.Contains(names(batch.Entries), e.String()) {
			return errors.New("lacks " + e.String())
		}
	}
	return nil
}

// TestRestoringHappensOnce counts what the writer adds: another Read of its own list
// must find all well, and not restore again.
func TestRestoringHappensOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer, own := healing(t, s.options())
	revoke(t, writer, sessions(0, 10)...)
	has(t, own, 10)
	s.do("FLUSHALL")
	eventually(t, "healed", func() error { return hasAll(t, writer, 10) })
	_, at, _ := readAll(t, writer, "")
	for range 2 {
		batch, err := writer.Read(t.Context(), at)
		if err != nil || len(batch.Entries) > 0 {
			t.Errorf("Read = %v, %v", batch, err)
		}
		at = batch.Position
	}
	if n := s.do("XLEN", redisfeed.DefaultKey); n != int64(10) {
		t.Errorf("%v items, want 10", n)
	}
}

// TestARevokeHeals lets a writer without a list notice, by its next entry.
func TestARevokeHeals(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer := openWriter(t, s.options())
	database := func() iter.Seq[revocation.Entry] { return slices.Values(sessions(0, 2500)) }
	if err := writer.RestoreFrom(database); err != nil {
		t.Fatal(err)
	}
	revoke(t, writer, session(2500))
	got, _, _ := readAll(t, openReader(t, s.options()), "")
	same(t, got, append(sessions(2500, 2501), sessions(0, 2500)...))
}

func TestRestoringLeavesOutWhatIsNotForTheFleet(t *testing.T) {
	t.Parallel()
	for _, wide := range []bool{false, true} {
		s := startServer(t)
		writer := open(t, s.options(), redisfeed.Config{Retention: retention, IssuerWide: wide})
		all := []revocation.Entry{revocation.Issuer(issuer, time.Unix(1, 0)), session(0)}
		if err := writer.RestoreFrom(func() iter.Seq[revocation.Entry] { return slices.Values(all) }); err != nil {
			t.Fatal(err)
		}
		got, _, _ := readAll(t, writer, "")
		if want := all[1:]; !wide {
			same(t, got, want)
			continue
		}
		same(t, got, all)
	}
}

func TestANewRedisWaitsForAWriter(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	list := listOf(t, openReader(t, s.options()))
	eventually(t, "the list says why", func() error {
		if err := list.Status().Sources[0].Err; !errors.Is(err, redisfeed.ErrNoWriter) {
			return errors.New("it doesn't")
		}
		return nil
	})
	if list.Status().Ready {
		t.Error("ready, from a Redis that may have lost everything")
	}
	healing(t, s.options())
	if err := list.WaitReady(t.Context()); err != nil {
		t.Error(err)
	}
	has(t, list, 0)
}

// TestAMistakeIsTakenBack removes an item as an operator would. That is no loss:
// nobody begins again, and no writer publishes it again.
func TestAMistakeIsTakenBack(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	if !s.atLeast(7) {
		t.Skip("SKIPPED: this Redis is older than 7.0 and doesn't say what was deleted")
	}
	writer, own := healing(t, s.options())
	revoke(t, writer, sessions(0, 2)...)
	has(t, own, 2)
	_, at, _ := readAll(t, writer, "")
	last := s.admin.XInfoStream(t.Context(), redisfeed.DefaultKey).Val().LastGeneratedID
	s.do("XDEL", redisfeed.DefaultKey, last)
	batch, err := writer.Read(t.Context(), at)
	if err != nil || len(batch.Entries) > 0 {
		t.Errorf("Read = %v, %v", batch, err)
	}
	if n := s.do("XLEN", redisfeed.DefaultKey); n != int64(1) {
		t.Errorf("%v items, want 1", n)
	}
}

func TestWritersTrimWhatIsTooOld(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	old := time.Now().Add(-2 * retention).UnixMilli()
	item := `{"iss":"https://id.example.com","sid":"` + strings.Repeat("o", 900) + `"}`
	add := func(first, last int64) { // more than a node holds, which is trimmed as a whole
		for i := first; i < last; i++ {
			s.do("XADD", redisfeed.DefaultKey, old+i, "e", item)
		}
	}
	s.do("SET", epochKey, "epoch")
	add(0, 50)
	ofOld, err := openReader(t, s.options()).Read(t.Context(), "")
	if err != nil || len(ofOld.Entries) != 50 {
		t.Fatalf("Read = %d entries, %v", len(ofOld.Entries), err)
	}
	add(50, 100)
	writer := openWriter(t, s.options())
	revoke(t, writer, session(0)) // it learns how late it is, and
	revoke(t, writer, session(1)) // trims
	if n, ok := s.do("XLEN", redisfeed.DefaultKey).(int64); !ok || n > 10 {
		t.Errorf("%d items are left", n)
	}
	// A reader that was away for longer than tokens live has missed nothing: it goes
	// on if it knows for how long that is, and begins again if not.
	batch, err := writer.Read(t.Context(), ofOld.Position)
	if err != nil || !slices.Equal(names(batch.Entries)[max(0, len(batch.Entries)-2):], names(sessions(0, 2))) {
		t.Errorf("Read = %v, %v", names(batch.Entries), err)
	}
	isLost(t, openReader(t, s.options()), ofOld.Position)
}

// TestAClockAheadTrimsNothing has one item from a Redis whose clock ran days ahead.
// What is not yet old by the writer's clock stays.
func TestAClockAheadTrimsNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer := openWriter(t, s.options())
	for i := range 20 {
		revoke(t, writer, sessions(10*i, 10*i+10)...)
	}
	ahead := time.Now().Add(100 * retention).UnixMilli()
	s.do("XADD", redisfeed.DefaultKey, ahead, "e", `{"iss":"https://id.example.com","sid":"s-200"}`)
	for i := range 2 {
		revoke(t, writer, session(201+i))
	}
	got, _, _ := readAll(t, openReader(t, s.options()), "")
	same(t, got, sessions(0, 203))
}

// TestUnreadItemsThatSomebodyTrimmedAreMissed trims what a slow reader has not read
// and leaves what is newest, as XTRIM MAXLEN does.
func TestUnreadItemsThatSomebodyTrimmedAreMissed(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	writer, reader := openWriter(t, s.options()), openReader(t, s.options())
	revoke(t, writer, session(0))
	_, at, _ := readAll(t, reader, "")
	revoke(t, writer, sessions(1, 10)...)
	s.do("XTRIM", redisfeed.DefaultKey, "MAXLEN", "=", "5")
	isLost(t, reader, at)
}
