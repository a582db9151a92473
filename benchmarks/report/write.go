package main

import (
	"fmt"
	"os"
	"strings"
)

// What the tables are between in a file that has them.
const (
	tablesBegin = "<!-- measured by make bench-report -->"
	tablesEnd   = "<!-- end of what was measured -->"
)

// replaceTables replaces what is between the marks in a file.
func replaceTables(path, tables string) error {
	text, err := os.ReadFile(path) //nolint:gosec // the file is named by who runs this
	if err != nil {
		return err
	}
	before, rest, begun := strings.Cut(string(text), tablesBegin)
	_, after, ended := strings.Cut(rest, tablesEnd)
	if !begun || !ended {
		return fmt.Errorf("%s has no place for tables: %s and %s", path, tablesBegin, tablesEnd)
	}
	replaced := before + tablesBegin + "\n\n" + tables + "\n" + tablesEnd + after
	return os.WriteFile(path, []byte(replaced), 0o644) //nolint:gosec // everybody may read it
}
