package auth_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
)

func TestASavedKeyIsTheSame(t *testing.T) {
	t.Parallel()
	key, err := auth.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := key.Save(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can read the file: %v", info.Mode())
	}
	loaded, err := auth.LoadSigningKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if loaded.ID() != key.ID() {
		t.Errorf("id is %q, want %q", loaded.ID(), key.ID())
	}
	if err := key.Save(path); err == nil {
		t.Error("a key was saved over another")
	}
}

func TestLoadSigningKeyRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":        "",
		"no PEM":         "secret words",
		"no private key": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IHdvcmRz\n-----END PRIVATE KEY-----\n",
	} {
		path := filepath.Join(t.TempDir(), "key.pem")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := auth.LoadSigningKey(path)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := auth.LoadSigningKey(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
}

func TestSecretsDontPrint(t *testing.T) {
	t.Parallel()
	key, err := auth.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		if got := fmt.Sprintf(verb, key); got != "key "+key.ID() {
			t.Errorf("%s prints a key as %q", verb, got)
		}
		if got := fmt.Sprintf(verb, auth.Login{Username: "alice", Password: "hunter2"}); strings.Contains(got, "hunter2") ||
			strings.Contains(got, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("%s prints a password: %q", verb, got)
		}
	}
}
