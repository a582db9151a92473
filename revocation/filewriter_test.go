package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/revocation"
)

// fileClock is the clock of the tests' writers, at the time of sessionLines.
func fileClock() time.Time { return time.Unix(1700000000, 0) }

func writerTo(t *testing.T, path string) *revocation.FileWriter {
	t.Helper()
	w, err := revocation.OpenFileWriter(path, revocation.FileWriterConfig{MaxLifetime: time.Hour, Clock: fileClock})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// revokeSessions revokes each by itself.
func revokeSessions(t *testing.T, w revocation.Writer, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := w.Revoke(t.Context(), revocation.Session(fileIssuer, id)); err != nil {
			t.Fatal(err)
		}
	}
}

func textOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path) //nolint:gosec // the test's own file
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAWriterMakesTheFileAndAddsLines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "revoked")
	w := writerTo(t, path)
	if text := textOf(t, path); text != "" {
		t.Errorf("the new file has %q", text)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
	revokeSessions(t, w, "s-1", "s-2")
	if text := textOf(t, path); text != sessionLines("s-1", "s-2") {
		t.Errorf("the file has\n%s", text)
	}
	revokeSessions(t, writerTo(t, path), "s-3") // after a restart
	wantSessions(t, readToEnd(t, feedOf(t, path), "").Entries, "s-1", "s-2", "s-3")
}

func TestAnEntryKeepsTheTimeThatItHas(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "revoked")
	want := revocation.Session(fileIssuer, "s-1").At(fileClock().Add(-time.Minute))
	if err := writerTo(t, path).Revoke(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if got := readToEnd(t, feedOf(t, path), "").Entries; len(got) != 1 || got[0] != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestALineThatACrashCutDoesNotSpoilTheNext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "revoked")
	w := writerTo(t, path)
	revokeSessions(t, w, "s-1")
	whole := readToEnd(t, feedOf(t, path), "")
	appendText(t, path, `{"iss":"https://auth.exa`)
	revokeSessions(t, w, "s-2")
	after := readToEnd(t, feedOf(t, path), whole.Position)
	wantSessions(t, after.Entries, "s-2")
	if len(after.Skipped) != 1 {
		t.Errorf("skipped %v, want the line that was cut", after.Skipped)
	}
	if err := w.Compact(); err != nil {
		t.Fatal(err)
	}
	if text := textOf(t, path); strings.Count(text, "\n") != 2 || strings.Contains(text, `exa{`) {
		t.Errorf("after compaction the file has\n%s", text)
	}
}

func TestAWriterWritesAllOrNone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "revoked")
	w := writerTo(t, path)
	good := revocation.Session(fileIssuer, "s-1")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"one of them says nothing":   w.Revoke(t.Context(), good, revocation.Entry{}),
		"one of them is not Unicode": w.Revoke(t.Context(), good, revocation.Session(fileIssuer, "\xff")),
		"the context has ended":      w.Revoke(ended, good),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if text := textOf(t, path); text != "" {
		t.Errorf("the file has %q", text)
	}
	if err := w.Revoke(t.Context()); err != nil {
		t.Errorf("nothing to revoke: %v", err)
	}
}

func TestAnyNumberMayRevokeAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "revoked")
	w := writerTo(t, path)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 20 {
				if err := w.Revoke(t.Context(), revocation.Session(fileIssuer, fmt.Sprint(i, j))); err != nil {
					t.Error(err)
				}
				if j == 10 {
					if err := w.Compact(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	if batch := readToEnd(t, feedOf(t, path), ""); len(batch.Entries) != 160 || len(batch.Skipped) > 0 {
		t.Errorf("%d entries, skipped %v", len(batch.Entries), batch.Skipped)
	}
}

func TestCompactionDropsWhatCanNotMatterAnyMore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "revoked")
	late := fileClock().Add(-2 * time.Hour).Unix()
	kept := revocation.TokenID(fileIssuer, "t-1", fileClock().Add(time.Minute)).At(fileClock())
	line, err := kept.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	writeText(t, path, fmt.Sprintf(`{"iss":%q,"sid":"late","at":%d}`, fileIssuer, late)+"\n"+
		sessionLines("s-1", "s-1")+"nonsense\n"+strings.Repeat(" ", 256<<10)+sessionLines("too-long")+
		string(line)) // the last line has no end
	writerTo(t, path)
	batch := readToEnd(t, feedOf(t, path), "")
	if len(batch.Entries) != 2 || len(batch.Skipped) > 0 || strings.Count(textOf(t, path), "\n") != 2 {
		t.Fatalf("the file has\n%s", textOf(t, path))
	}
	for _, want := range []revocation.Entry{kept, revocation.Session(fileIssuer, "s-1").At(fileClock())} {
		if batch.Entries[0] != want && batch.Entries[1] != want {
			t.Errorf("%v is gone", want)
		}
	}
}

// A machine that wakes up, say, has the time of when it fell asleep.
func TestAClockThatIsBehindSpoilsNothingInAFile(t *testing.T) {
	t.Parallel()
	path, now := filepath.Join(t.TempDir(), "revocations"), time.Now()
	line, err := revocation.Principal(alice(), now).At(now).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	line = append(line, '\n')
	if err := os.WriteFile(path, append(line, line...), 0o600); err != nil {
		t.Fatal(err)
	}
	behind := func() time.Time { return now.Add(-time.Hour) }
	if _, err := revocation.OpenFileWriter(path, revocation.FileWriterConfig{MaxLifetime: lifetime, Clock: behind}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != string(line) { //nolint:gosec // our own file
		t.Errorf("%q, %v, want %q", text, err, line)
	}
}

func TestAFileWithNothingToDropStaysAsItIs(t *testing.T) {
	t.Parallel()
	_, path := newFeed(t, sessionLines("s-1", "s-2"))
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, path+".kept"); err != nil { // so that no new file gets its number
		t.Fatal(err)
	}
	if err := writerTo(t, path).Compact(); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("it is another file")
	}
}

func TestCompactionKeepsModeAndLink(t *testing.T) {
	t.Parallel()
	_, path := newFeed(t, sessionLines("s-1", "s-1"))
	if err := os.Chmod(path, 0o640); err != nil { //nolint:gosec // so that a group can read it
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	writerTo(t, link)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o640 || textOf(t, path) != sessionLines("s-1") {
		t.Errorf("mode %v, and the file has\n%s", info.Mode(), textOf(t, path))
	}
	if target, err := os.Readlink(link); err != nil || target != path {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
		t.Errorf("left behind: %v, %v", all, err)
	}
}

func TestAFileThatGrowsIsCompacted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "revoked")
	w := writerTo(t, path)
	same := make([]revocation.Entry, 1000)
	for i := range same {
		same[i] = revocation.Session(fileIssuer, "s-1")
	}
	longest := 0
	for range 40 { // some 2.5 MiB
		if err := w.Revoke(t.Context(), same...); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, len(textOf(t, path)))
	}
	if longest > 1<<20 {
		t.Errorf("the file had %d bytes", longest)
	}
	if got := len(textOf(t, path)); got > 1<<20 {
		t.Errorf("the file has %d bytes", got)
	}
	for _, e := range readToEnd(t, feedOf(t, path), "").Entries {
		if e != same[0].At(fileClock()) {
			t.Fatalf("got %v", e)
		}
	}
}

func TestAFileThatIsSomethingElseIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	const text = "root:x:0:0\nalice:x:1000:1000\n"
	_, path := newFeed(t, text)
	if _, err := revocation.OpenFileWriter(path, revocation.FileWriterConfig{MaxLifetime: time.Hour}); err == nil {
		t.Error("no error")
	}
	if textOf(t, path) != text {
		t.Error("it was changed")
	}
}

func TestConfigurationMistakesOfAFileWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, test := range map[string]struct {
		path   string
		config revocation.FileWriterConfig
	}{
		"no MaxLifetime":    {filepath.Join(dir, "a"), revocation.FileWriterConfig{}},
		"a negative Leeway": {filepath.Join(dir, "b"), revocation.FileWriterConfig{MaxLifetime: time.Hour, Leeway: -1}},
		"a directory":       {dir, revocation.FileWriterConfig{MaxLifetime: time.Hour}},
		"no path":           {"", revocation.FileWriterConfig{MaxLifetime: time.Hour}},
	} {
		if _, err := revocation.OpenFileWriter(test.path, test.config); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	_, err := revocation.OpenFileWriter(filepath.Join(dir, "none", "revoked"), revocation.FileWriterConfig{MaxLifetime: time.Hour})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: got %v, want os.ErrNotExist", err)
	}
}

func TestAWriterThatCanNotWriteSaysSo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w := writerTo(t, filepath.Join(dir, "revoked"))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"Revoke":  w.Revoke(t.Context(), revocation.Session(fileIssuer, "s-1")),
		"Compact": w.Compact(),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want os.ErrNotExist", name, err)
		}
	}
}

// What one process revokes, a list in another refuses, through compaction and all.
func TestAListFollowsAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "revoked")
	synctest.Test(t, func(t *testing.T) {
		list, err := revocation.NewList(revocation.Config{
			MaxLifetime: time.Hour, Sources: []revocation.Source{{Name: "file", Feed: feedOf(t, path)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = list.Close() }()
		time.Sleep(time.Second)
		if status := list.Status(); status.Ready || !errors.Is(status.Sources[0].Err, fs.ErrNotExist) {
			t.Errorf("without a file: %+v", status)
		}
		w, err := revocation.OpenFileWriter(path, revocation.FileWriterConfig{MaxLifetime: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if err := list.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, id := range []string{"s-1", "s-2", "s-3"} {
			if err := w.Revoke(t.Context(), revocation.Session(fileIssuer, id), revocation.Session(fileIssuer, id)); err != nil {
				t.Fatal(err)
			}
			if i == 1 {
				if err := w.Compact(); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)
			if got := list.Status(); got.Entries != i+1 || !got.Ready {
				t.Errorf("after %s: %+v", id, got)
			}
		}
	})
}
