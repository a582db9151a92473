package revocations_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/examples/platform/revocations"
	"github.com/jwtrelay/jwtrelay/revocation"
)

// count returns how many entries a list has.
func count(list *revocation.List) (n int) {
	for range list.Entries() {
		n++
	}
	return n
}

func open(t *testing.T, flags revocations.Flags) *revocations.Book {
	t.Helper()
	book, err := flags.Open(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	return book
}

func TestWhatOneRoleRevokesAllKnow(t *testing.T) {
	t.Parallel()
	flags := revocations.Flags{Place: filepath.Join(t.TempDir(), "revoked"), MaxLifetime: time.Hour}
	book := open(t, flags)
	if err := book.Revoke(t.Context(), revocation.Session("https://auth.test", "s-1")); err != nil {
		t.Fatal(err)
	}
	if n := count(book.List.List); n != 1 {
		t.Errorf("the role itself has %d entries at once", n)
	}
	restarted := open(t, flags)
	if err := restarted.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := flags.Follow(nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = list.Close() }()
	if err := list.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, follower := count(restarted.List.List), count(list.List); after != 1 || follower != 1 {
		t.Errorf("after a restart it has %d entries, who follows has %d", after, follower)
	}
}

func TestWhatIsNotKeptIsNotRevoked(t *testing.T) {
	t.Parallel()
	book := open(t, revocations.Flags{Place: filepath.Join(t.TempDir(), "revoked"), MaxLifetime: time.Hour})
	if err := book.Revoke(t.Context(), revocation.Entry{}); err == nil {
		t.Error("no error")
	}
	if n := count(book.List.List); n != 0 {
		t.Errorf("%d entries", n)
	}
}

func TestMistakesInTheFlags(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string]revocations.Flags{
		"no directory": {Place: filepath.Join(t.TempDir(), "none", "revoked"), MaxLifetime: time.Hour},
		"no lifetime":  {Place: filepath.Join(t.TempDir(), "revoked")},
	} {
		var misused *process.UsageError
		if _, err := flags.Open(slog.New(slog.DiscardHandler)); !errors.As(err, &misused) {
			t.Errorf("%s: %v, want a mistake of usage", name, err)
		}
	}
}
