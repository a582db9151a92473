package revocation_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jwtrelay/jwtrelay/revocation"
)

// One process revokes, and all that read the file know.
func ExampleNewFile() {
	dir, err := os.MkdirTemp("", "revocation")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "revoked.jsonl")
	writer, err := revocation.OpenFileWriter(path, revocation.FileWriterConfig{MaxLifetime: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if err := writer.Revoke(ctx, revocation.Session("https://auth.example.com", "s-1")); err != nil {
		fmt.Println(err)
		return
	}
	feed, err := revocation.NewFile(path, revocation.FileConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	list, err := revocation.NewList(revocation.Config{
		MaxLifetime: time.Hour,
		Sources:     []revocation.Source{{Name: "file", Feed: feed}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = list.Close() }()
	if err := list.WaitReady(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for entry := range list.Entries() {
		fmt.Println(entry)
	}
	// Output: session "s-1" of "https://auth.example.com"
}

// The file that a writer makes has a line for each entry, which people can read, too.
func ExampleOpenFileWriter() {
	dir, err := os.MkdirTemp("", "revocation")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "revoked.jsonl")
	writer, err := revocation.OpenFileWriter(path, revocation.FileWriterConfig{
		MaxLifetime: time.Hour,
		Clock:       func() time.Time { return time.Unix(1700000000, 0) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := writer.Revoke(context.Background(), revocation.Session("https://auth.example.com", "s-1")); err != nil {
		fmt.Println(err)
		return
	}
	text, err := os.ReadFile(path) //nolint:gosec // the example's own file
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(text))
	// Output: {"iss":"https://auth.example.com","sid":"s-1","at":1700000000}
}
