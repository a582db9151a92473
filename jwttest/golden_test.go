package jwttest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
)

const table = "/acme.Orders/Cancel -> a valid token; scope orders.admin\n/acme.Orders/List -> anyone\n"

func TestGoldenIsTheSame(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"as it is":          table,
		"with Windows ends": strings.ReplaceAll(table, "\n", "\r\n"),
	} {
		if message := golden(t, content, table); message != "" {
			t.Errorf("%s: %s", name, message)
		}
	}
}

func TestGoldenDiffers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file, got  string
		says, hide []string
	}{
		"a line changed": {
			table, strings.Replace(table, "anyone", "a valid token", 1),
			[]string{"\n- /acme.Orders/List -> anyone\n", "\n+ /acme.Orders/List -> a valid token\n", jwttest.UpdateGolden + "=1"},
			[]string{"Cancel"},
		},
		"a line is new":      {table, table + "/acme.Orders/Peek -> anyone\n", []string{"\n+ /acme.Orders/Peek -> anyone\n"}, []string{"\n- "}},
		"a line is gone":     {table, table[:strings.Index(table, "\n")+1], []string{"\n- /acme.Orders/List"}, []string{"\n+ "}},
		"a line twice":       {"a\n", "a\na\n", []string{"\n+ a\n"}, []string{"\n- "}},
		"another order":      {"a\nb\n", "b\na\n", []string{"another order"}, nil},
		"no end of the last": {"a\n", "a", []string{"end of the last"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := golden(t, test.file, test.got)
			for _, want := range test.says {
				if !strings.Contains(message, want) {
					t.Errorf("it doesn't say %q:\n%s", want, message)
				}
			}
			for _, hide := range test.hide {
				if strings.Contains(message, hide) {
					t.Errorf("it says %q:\n%s", hide, message)
				}
			}
		})
	}
}

// golden compares got with a file of that content, and returns what the test
// fails with.
func golden(t *testing.T, content, got string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.golden")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return failure(func(tb jwttest.TB) { jwttest.Golden(tb, path, got) })
}

func TestGoldenIsNotThereYet(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy.golden")
	message := failure(func(tb jwttest.TB) { jwttest.Golden(tb, path, table) })
	if !strings.Contains(message, "not there yet") || !strings.Contains(message, table) {
		t.Errorf("it says %q", message)
	}
	message = failure(func(tb jwttest.TB) { jwttest.Golden(tb, filepath.Dir(path), table) })
	if message == "" {
		t.Error("a folder is a golden file")
	}
}

func TestGoldenIsWritten(t *testing.T) {
	t.Setenv(jwttest.UpdateGolden, "1")
	path := filepath.Join(t.TempDir(), "testdata", "policy.golden")
	for _, got := range []string{"first\n", table} {
		jwttest.Golden(t, path, got)
		if raw, err := os.ReadFile(path); string(raw) != got || err != nil { //nolint:gosec // a file of the test
			t.Errorf("the file says %q, %v", raw, err)
		}
	}
	t.Setenv(jwttest.UpdateGolden, "")
	jwttest.Golden(t, path, table)
}
