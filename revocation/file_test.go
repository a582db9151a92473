package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/revocation"
)

const fileIssuer = "https://auth.example.com"

// sessionLines returns lines that revoke these sessions.
func sessionLines(ids ...string) string {
	var lines strings.Builder
	for _, id := range ids {
		_, _ = fmt.Fprintf(&lines, `{"iss":%q,"sid":%q,"at":1700000000}`+"\n", fileIssuer, id)
	}
	return lines.String()
}

// newFeed returns a feed of a new file with this text, and the file's path.
func newFeed(t *testing.T, text string) (*revocation.File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "revoked")
	writeText(t, path, text)
	return feedOf(t, path), path
}

func feedOf(t *testing.T, path string) *revocation.File {
	t.Helper()
	feed, err := revocation.NewFile(path, revocation.FileConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return feed
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func appendText(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0) //nolint:gosec // the test's own file
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// readOnce reads without waiting.
func readOnce(t *testing.T, feed revocation.Feed, position string) (revocation.Batch, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return feed.Read(ctx, position)
}

// readToEnd reads on from a position until the batch is up to date.
func readToEnd(t *testing.T, feed revocation.Feed, position string) revocation.Batch {
	t.Helper()
	var all revocation.Batch
	for !all.UpToDate {
		batch, err := readOnce(t, feed, position)
		if err != nil {
			t.Fatal(err)
		}
		if batch.Position == position && !batch.UpToDate {
			t.Fatal("reading gets no further")
		}
		position = batch.Position
		batch.Entries = append(all.Entries, batch.Entries...)
		batch.Skipped = append(all.Skipped, batch.Skipped...)
		all = batch
	}
	return all
}

// wantSessions checks which sessions entries are for, in this order.
func wantSessions(t *testing.T, got []revocation.Entry, ids ...string) {
	t.Helper()
	var want []revocation.Entry
	for _, id := range ids {
		want = append(want, revocation.Session(fileIssuer, id).At(time.Unix(1700000000, 0)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAFileIsReadOnFromWhereAReaderWas(t *testing.T) {
	t.Parallel()
	feed, path := newFeed(t, sessionLines("s-1", "s-2"))
	first := readToEnd(t, feed, "")
	wantSessions(t, first.Entries, "s-1", "s-2")
	appendText(t, path, sessionLines("s-3"))
	second := readToEnd(t, feedOf(t, path), first.Position) // as another process has it
	wantSessions(t, second.Entries, "s-3")
	wantSessions(t, readToEnd(t, feed, second.Position).Entries)
}

func TestAnEmptyFileIsAnEmptyList(t *testing.T) {
	t.Parallel()
	feed, path := newFeed(t, "")
	empty := readToEnd(t, feed, "")
	wantSessions(t, empty.Entries)
	appendText(t, path, sessionLines("s-1"))
	wantSessions(t, readToEnd(t, feed, empty.Position).Entries, "s-1")
}

func TestALineCountsOnceItsNewlineIsThere(t *testing.T) {
	t.Parallel()
	feed, path := newFeed(t, sessionLines("s-1"))
	position := readToEnd(t, feed, "").Position
	line := sessionLines("s-2")
	for i := range len(line) {
		appendText(t, path, line[i:i+1])
		batch, err := readOnce(t, feed, position)
		switch done := i == len(line)-1; {
		case err != nil:
			t.Fatal(err)
		case len(batch.Skipped) > 0 || !batch.UpToDate:
			t.Fatalf("after %d bytes: %+v, want no complaint", i+1, batch)
		case !done && (len(batch.Entries) > 0 || batch.Position != position):
			t.Fatalf("after %d bytes: %+v, want nothing yet", i+1, batch)
		case done:
			wantSessions(t, batch.Entries, "s-2")
		}
	}
}

func TestLinesThatCantBeUsedAreSkipped(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		line    string
		skipped int
	}{
		"words":                           {"log out alice", 1},
		"half an entry":                   {`{"iss":"https://auth.exam`, 1},
		"an entry that names nothing":     {`{"iss":"https://auth.example.com"}`, 1},
		"two entries":                     {strings.TrimSpace(sessionLines("a")) + strings.TrimSpace(sessionLines("b")), 1},
		"bytes":                           {"\x00\xff\x00", 1},
		"a list":                          {"[]", 1},
		"too long":                        {strings.Repeat("x", 17<<10), 1},
		"an entry, behind 17 KiB of air":  {strings.Repeat(" ", 17<<10) + strings.TrimSpace(sessionLines("a")), 1},
		"an entry, behind 256 KiB of air": {strings.Repeat(" ", 256<<10) + strings.TrimSpace(sessionLines("a")), 1},
		"longer than what is read once":   {strings.Repeat("x", 600<<10), 1},
		"nothing":                         {"", 0},
		"spaces":                          {" \t\r", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			feed, _ := newFeed(t, sessionLines("s-1")+test.line+"\n"+sessionLines("s-2"))
			batch := readToEnd(t, feed, "")
			wantSessions(t, batch.Entries, "s-1", "s-2")
			if len(batch.Skipped) != test.skipped {
				t.Errorf("skipped %v, want %d", batch.Skipped, test.skipped)
			}
		})
	}
}

func TestWhatIsSkippedIsNamedByItsPlaceAndNotQuoted(t *testing.T) {
	t.Parallel()
	feed, _ := newFeed(t, "12345678\neyJhbGciOi\n")
	batch := readToEnd(t, feed, "")
	if len(batch.Skipped) != 2 {
		t.Fatalf("skipped %v, want 2", batch.Skipped)
	}
	if text := batch.Skipped[1].Error(); !strings.Contains(text, "line at byte 9:") || strings.Contains(text, "eyJ") {
		t.Errorf("got %q", text)
	}
}

func TestLinesMayEndAsOnWindows(t *testing.T) {
	t.Parallel()
	feed, _ := newFeed(t, strings.ReplaceAll(sessionLines("s-1", "s-2"), "\n", "\r\n"))
	wantSessions(t, readToEnd(t, feed, "").Entries, "s-1", "s-2")
}

func TestAFileThatDoesNotGoOnIsReadAgain(t *testing.T) {
	t.Parallel()
	before := sessionLines("s-1", "s-2", "s-3")
	for name, change := range map[string]struct {
		do   func(t *testing.T, path string)
		want []string
	}{
		"cut": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.Truncate(path, int64(len(sessionLines("s-1")))); err != nil {
				t.Fatal(err)
			}
		}, []string{"s-1"}},
		"emptied": {func(t *testing.T, path string) {
			t.Helper()
			writeText(t, path, "")
		}, nil},
		"written again, as long": {func(t *testing.T, path string) {
			t.Helper()
			writeText(t, path, sessionLines("s-1", "s-2", "s-4"))
		}, []string{"s-1", "s-2", "s-4"}},
		"written again, longer": {func(t *testing.T, path string) {
			t.Helper()
			writeText(t, path, sessionLines("s-0", "s-2", "s-3", "s-4"))
		}, []string{"s-0", "s-2", "s-3", "s-4"}},
		"replaced by one that begins as it did": {func(t *testing.T, path string) {
			t.Helper()
			writeText(t, path+".new", before+sessionLines("s-4"))
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}, []string{"s-1", "s-2", "s-3", "s-4"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			feed, path := newFeed(t, before)
			position := readToEnd(t, feed, "").Position
			change.do(t, path)
			if _, err := readOnce(t, feed, position); !errors.Is(err, revocation.ErrPositionLost) {
				t.Errorf("got %v, want ErrPositionLost", err)
			}
			wantSessions(t, readToEnd(t, feed, "").Entries, change.want...)
		})
	}
}

func TestALongFileIsKnownByItsBeginningAndItsEnd(t *testing.T) {
	t.Parallel()
	var ids []string
	for i := range 1000 {
		ids = append(ids, fmt.Sprintf("session-%03d", i))
	}
	for name, changed := range map[string]int{"its first line": 0, "its last line": 999} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			feed, path := newFeed(t, sessionLines(ids...))
			position := readToEnd(t, feed, "").Position
			others := slices.Clone(ids)
			others[changed] = "session-abc"
			writeText(t, path, sessionLines(append(others, "s-1")...))
			if _, err := readOnce(t, feed, position); !errors.Is(err, revocation.ErrPositionLost) {
				t.Errorf("got %v, want ErrPositionLost", err)
			}
		})
	}
}

func TestAPositionOfSomethingElseIsLost(t *testing.T) {
	t.Parallel()
	feed, _ := newFeed(t, sessionLines("s-1"))
	for _, position := range []string{"nonsense", "0", "::0", "a:b:-1", "a:b:99999999999999999999", "a:b:9223372036854775807", ":"} {
		if _, err := readOnce(t, feed, position); !errors.Is(err, revocation.ErrPositionLost) {
			t.Errorf("%q: got %v, want ErrPositionLost", position, err)
		}
	}
}

func TestALargeFileIsReadInBatches(t *testing.T) {
	t.Parallel()
	var ids []string
	for i := range 20_000 {
		ids = append(ids, fmt.Sprintf("session-%d", i))
	}
	feed, _ := newFeed(t, sessionLines(ids...))
	first, err := readOnce(t, feed, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Entries) > 5_000 || first.UpToDate {
		t.Errorf("the first batch has %d entries, up to date: %v", len(first.Entries), first.UpToDate)
	}
	wantSessions(t, readToEnd(t, feed, "").Entries, ids...)
}

func TestWhatIsNoFileIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"nothing":                   filepath.Join(dir, "none"),
		"a directory":               dir,
		"a link that leads nowhere": loop,
		"a device":                  os.DevNull,
	} {
		_, err := readOnce(t, feedOf(t, path), "")
		if err == nil || errors.Is(err, revocation.ErrPositionLost) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want an error that names it", name, err)
		}
		if missing := name == "nothing"; errors.Is(err, fs.ErrNotExist) != missing {
			t.Errorf("%s: that it is os.ErrNotExist is not %v: %v", name, missing, err)
		}
	}
}

func TestALinkIsFollowedAsKubernetesSwapsIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for version, ids := range map[string][]string{"v1": {"s-1"}, "v2": {"s-1", "s-2"}} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		writeText(t, filepath.Join(dir, version, "revoked"), sessionLines(ids...))
	}
	swap := func(version string) {
		next := filepath.Join(dir, "..next")
		if err := errors.Join(os.Symlink(version, next), os.Rename(next, filepath.Join(dir, "..data"))); err != nil {
			t.Fatal(err)
		}
	}
	swap("v1")
	path := filepath.Join(dir, "revoked")
	if err := os.Symlink(filepath.Join("..data", "revoked"), path); err != nil {
		t.Fatal(err)
	}
	feed := feedOf(t, path)
	first := readToEnd(t, feed, "")
	wantSessions(t, first.Entries, "s-1")
	swap("v2")
	if _, err := readOnce(t, feed, first.Position); !errors.Is(err, revocation.ErrPositionLost) {
		t.Errorf("got %v, want ErrPositionLost", err)
	}
	wantSessions(t, readToEnd(t, feed, "").Entries, "s-1", "s-2")
}

func TestReadWaitsForWhatIsAdded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "revoked")
		writeText(t, path, sessionLines("s-1"))
		feed := feedOf(t, path)
		position := readToEnd(t, feed, "").Position
		began := time.Now()
		batch, err := feed.Read(t.Context(), position)
		if waited := time.Since(began); err != nil || !batch.UpToDate || len(batch.Entries) > 0 || waited != time.Second {
			t.Errorf("got %+v, %v after %v, want nothing after a second", batch, err, waited)
		}
		began = time.Now()
		time.AfterFunc(250*time.Millisecond, func() { appendText(t, path, sessionLines("s-2")) })
		batch, err = feed.Read(t.Context(), position)
		if err != nil {
			t.Fatal(err)
		}
		wantSessions(t, batch.Entries, "s-2")
		if waited := time.Since(began); waited > 350*time.Millisecond {
			t.Errorf("it came after %v, want one Interval at most", waited)
		}
	})
}

func TestReadNoticesWhileItWaitsThatTheFileIsGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "revoked")
		writeText(t, path, sessionLines("s-1"))
		feed := feedOf(t, path)
		position := readToEnd(t, feed, "").Position
		time.AfterFunc(250*time.Millisecond, func() {
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		})
		if _, err := feed.Read(t.Context(), position); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want os.ErrNotExist", err)
		}
	})
}

func TestConfigurationMistakesOfAFile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path     string
		interval time.Duration
	}{
		"no path":               {"", 0},
		"a negative Interval":   {"revoked", -time.Second},
		"an Interval too short": {"revoked", time.Microsecond},
		"an Interval too long":  {"revoked", time.Minute},
	} {
		if _, err := revocation.NewFile(test.path, revocation.FileConfig{Interval: test.interval}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A file reads the same whether it is there at once or grows while it is read.
func FuzzFile(f *testing.F) {
	f.Add([]byte(sessionLines("s-1", "s-2")), 30)
	f.Add([]byte("nonsense\n\n"+sessionLines("s-1")+`{"iss":`), 3)
	f.Add([]byte(strings.Repeat("x", 20<<10)+"\n"+sessionLines("s-1")), 17<<10)
	f.Add([]byte(`{"iss":"i","all":true,"before":1}`+"\r\n"), 0)
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		cut = min(max(cut, 0), len(text))
		feed, path := newFeed(t, string(text))
		whole := readToEnd(t, feed, "")
		for _, e := range whole.Entries {
			if err := e.Check(); err != nil {
				t.Errorf("%v: %v", e, err)
			}
		}
		writeText(t, path, string(text[:cut]))
		first := readToEnd(t, feed, "")
		appendText(t, path, string(text[cut:]))
		second := readToEnd(t, feed, first.Position)
		if got := slices.Concat(first.Entries, second.Entries); !slices.Equal(got, whole.Entries) {
			t.Errorf("in two parts: %v, at once: %v", got, whole.Entries)
		}
	})
}
