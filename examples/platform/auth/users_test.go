package auth_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
)

func TestHash(t *testing.T) {
	t.Parallel()
	hash := newHash(t, "hunter2")
	if !hash.Matches("hunter2") || hash.Matches("hunter3") || hash.Matches("") {
		t.Error("a hash matches its password, and no other")
	}
	again := newHash(t, "hunter2")
	if hash.Encode() == again.Encode() {
		t.Error("two hashes of one password are the same: no salt?")
	}
	parsed, err := auth.ParseHash(hash.Encode())
	if err != nil || !parsed.Matches("hunter2") {
		t.Errorf("a hash that was written and read: %v", err)
	}
	if (auth.Hash{}).Matches("") {
		t.Error("the zero hash matches")
	}
	if _, err := auth.NewHash("", 1_000); err == nil {
		t.Error("an empty password has a hash")
	}
}

func TestParseHashRefuses(t *testing.T) {
	t.Parallel()
	good := newHash(t, "hunter2").Encode()
	part := func(i int, text string) string {
		parts := strings.Split(good, "$")
		parts[i] = text
		return strings.Join(parts, "$")
	}
	for name, text := range map[string]string{
		"nothing":             "",
		"a password":          "hunter2",
		"another scheme":      part(1, "bcrypt"),
		"no number":           part(2, "many"),
		"too few iterations":  part(2, "1"),
		"too many iterations": part(2, "1000000000"),
		"no salt":             part(3, ""),
		"a salt with a hole":  part(3, "****"),
		"half a sum":          part(4, "AAAA"),
		"one part too many":   good + "$",
	} {
		if _, err := auth.ParseHash(text); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadUsers(t *testing.T) {
	t.Parallel()
	hash := newHash(t, "hunter2").Encode()
	text := fmt.Sprintf("# users\n\nalice %s orders.read  orders.write \n  bob %s\n", hash, hash)
	users, err := auth.ReadUsers(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{"alice": nil, "bob": nil, "mallory": auth.ErrNoUser, "": auth.ErrNoUser, "#": auth.ErrNoUser} {
		if _, err := users.User(t.Context(), name); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
	alice := []string{"orders.read", "orders.write"}
	if !slices.Equal(users["alice"].Scopes, alice) || len(users["bob"].Scopes) != 0 {
		t.Errorf("scopes are %q and %q", users["alice"].Scopes, users["bob"].Scopes)
	}
	var written bytes.Buffer
	if err := users.Write(&written); err != nil {
		t.Fatal(err)
	}
	if again, err := auth.ReadUsers(&written); err != nil || len(again) != 2 || !slices.Equal(again["alice"].Scopes, alice) {
		t.Errorf("written and read: %d users, alice has %q, %v", len(again), again["alice"].Scopes, err)
	}
	for name, text := range map[string]string{
		"no hash":   "alice\n",
		"one twice": fmt.Sprintf("alice %s\nalice %s\n", hash, hash),
		"no scope":  fmt.Sprintf("alice %s orders.\"read\"\n", hash),
		"a comment": fmt.Sprintf("alice %s orders.read # but not admin\n", hash),
	} {
		if _, err := auth.ReadUsers(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%s: %v, want the line", name, err)
		}
	}
}

func TestPasswdMakesALineForTheUsersFile(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	err := auth.RunPasswd(t.Context(), process.Env{
		Args: []string{"-user", "alice", "-scopes", "orders.read orders.write"}, Stdin: strings.NewReader("hunter2\r\n"), Stdout: &stdout, Stderr: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	users, err := auth.ReadUsers(&stdout)
	if err != nil {
		t.Fatal(err)
	}
	if !users["alice"].Hash.Matches("hunter2") {
		t.Error("alice can't log in with it")
	}
	if !slices.Equal(users["alice"].Scopes, []string{"orders.read", "orders.write"}) {
		t.Errorf("her scopes are %q", users["alice"].Scopes)
	}
}

func TestPasswdRefusesWhatCanNotStandInALine(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		flag string // to mend
	}{
		"a name of two words":    {[]string{"-user", "alice smith"}, "-user"},
		"a scope in quotes":      {[]string{"-user", "alice", "-scopes", `"orders.read"`}, "-scopes"},
		"a scope with an umlaut": {[]string{"-user", "alice", "-scopes", "bestellungen.läsen"}, "-scopes"},
	} {
		var stdout bytes.Buffer
		err := auth.RunPasswd(t.Context(), process.Env{
			Args: test.args, Stdin: strings.NewReader("hunter2\n"), Stdout: &stdout, Stderr: io.Discard,
		})
		var misused *process.UsageError
		if !errors.As(err, &misused) || !strings.Contains(err.Error(), test.flag) || stdout.Len() > 0 {
			t.Errorf("%s: %v, printed %q", name, err, &stdout)
		}
	}
}

func TestRunSaysWhichFlagToMend(t *testing.T) {
	t.Parallel()
	err := auth.Run(t.Context(), process.Env{
		Args:   []string{"-tls-cert", "none", "-tls-key", "none", "-ca", "none", "-key", "none", "-users", "none"},
		Stdout: io.Discard, Stderr: io.Discard,
	})
	var misused *process.UsageError
	if !errors.As(err, &misused) || !strings.Contains(err.Error(), "-tls-cert") {
		t.Errorf("got %v", err)
	}
}
