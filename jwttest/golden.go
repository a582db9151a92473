package jwttest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// UpdateGolden is the environment variable that makes [Golden] write files
// instead of comparing with them: JWTTEST_UPDATE=1 go test ./...
const UpdateGolden = "JWTTEST_UPDATE"

// Golden fails the test if the file at path doesn't say got, and shows in which
// lines they differ. It is for what reviewers should see change, such as who may
// call what:
//
//	jwttest.Golden(t, "testdata/policy.golden", server.PolicyTable(grpcServer))
//
// With the environment variable [UpdateGolden] set to 1 or true, it writes got into the file,
// and the folder if need be, instead. Lines may end as they do on Windows.
func Golden(tb TB, path, got string) {
	tb.Helper()
	if update, err := strconv.ParseBool(os.Getenv(UpdateGolden)); err == nil && update {
		if err := writeGolden(path, got); err != nil {
			tb.Fatalf("jwttest: %v", err)
		}
		return
	}
	raw, err := os.ReadFile(path) //nolint:gosec // the test names the file
	if errors.Is(err, fs.ErrNotExist) {
		tb.Fatalf("jwttest: %s is not there yet: %s=1 go test writes it, with\n%s", path, UpdateGolden, got)
		return
	}
	if err != nil {
		tb.Fatalf("jwttest: %v", err)
		return
	}
	if want := strings.ReplaceAll(string(raw), "\r\n", "\n"); want != got {
		tb.Fatalf("jwttest: %s differs (- it says, + it is now). If that is meant, write it with %s=1 go test.\n%s",
			path, UpdateGolden, diff(want, got))
	}
}

func writeGolden(path, got string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // of a repository, for everyone
		return err
	}
	return os.WriteFile(path, []byte(got), 0o644) //nolint:gosec // likewise
}

// diff returns the lines of want that got lacks, and those of got that want
// lacks, in their order.
func diff(want, got string) string {
	before, after := strings.Split(want, "\n"), strings.Split(got, "\n")
	var lines strings.Builder
	write := func(sign string, line string) {
		if line != "" {
			_, _ = fmt.Fprintf(&lines, "%s %s\n", sign, line)
		}
	}
	missing, added := without(before, after), without(after, before)
	for _, line := range missing {
		write("-", line)
	}
	for _, line := range added {
		write("+", line)
	}
	if lines.Len() == 0 {
		return "the same lines in another order, or another end of the last one\n"
	}
	return lines.String()
}

// without returns the lines that others doesn't have, as often as they are more.
func without(lines, others []string) []string {
	count := make(map[string]int)
	for _, line := range others {
		count[line]++
	}
	var rest []string
	for _, line := range lines {
		if count[line]--; count[line] < 0 {
			rest = append(rest, line)
		}
	}
	return rest
}
