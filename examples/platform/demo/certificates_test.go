package demo

import (
	"os"
	"testing"
)

func TestKeysAreReadByTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made, err := newCertificates(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := made.issue("orders")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(files.Key)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v", info.Mode())
	}
	if _, err := files.Load(); err != nil {
		t.Errorf("a role can't load what was written: %v", err)
	}
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 {
		t.Errorf("%d files, want ca.pem and two of the role: %v", len(all), all)
	}
}
