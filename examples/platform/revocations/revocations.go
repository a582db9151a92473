// Package revocations answers one question: where does the platform keep which
// tokens ended early?
//
// The auth role writes it, and every service follows it.
package revocations

import (
	"context"
	"log/slog"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/revocation"
)

// Flags say where revocations are kept, the same for all roles. Without a file
// there are none: tokens are good until they expire.
type Flags struct {
	File        string
	MaxLifetime time.Duration
}

// Register defines the flags.
func (c *Flags) Register(f *process.Flags) {
	f.StringVar(&c.File, "revocations", "", "`file` with what was revoked, which auth writes and the others watch")
	f.DurationVar(&c.MaxLifetime, "max-lifetime", time.Hour,
		"with -revocations, how long a token lives at most: those that live longer are refused, and entries remembered for so long")
}

// Enabled reports whether tokens can be revoked.
func (c Flags) Enabled() bool { return c.File != "" }

// place is where revocations are kept.
type place struct {
	name   string
	feed   func() (revocation.Feed, error)
	writer func(*slog.Logger) (revocation.Writer, error)
}

// place chooses it. This is all that knows what kinds there are.
func (c Flags) place() place {
	return place{
		name: "file",
		feed: func() (revocation.Feed, error) { return revocation.NewFile(c.File, revocation.FileConfig{}) },
		writer: func(logger *slog.Logger) (revocation.Writer, error) {
			return revocation.OpenFileWriter(c.File, revocation.FileWriterConfig{MaxLifetime: c.MaxLifetime, Logger: logger})
		},
	}
}

// Follow returns a list of what is revoked, which lives until Close. It tells
// readyChanged whether it can be relied on. The error is a [process.UsageError].
func (c Flags) Follow(readyChanged func(ready bool), logger *slog.Logger) (*revocation.List, error) {
	from := c.place()
	feed, err := from.feed()
	if err != nil {
		return nil, process.Usage("-revocations: %w", err)
	}
	list, err := revocation.NewList(revocation.Config{
		MaxLifetime:  c.MaxLifetime,
		Sources:      []revocation.Source{{Name: from.name, Feed: feed}},
		ReadyChanged: readyChanged,
		Logger:       logger,
	})
	if err != nil {
		return nil, process.Usage("-max-lifetime: %w", err)
	}
	return list, nil
}

// Book is what the role that revokes has: the list, and where it is written. It
// is a [revocation.Writer].
type Book struct {
	*revocation.List
	writer revocation.Writer
}

// Open returns the book, which lives until Close. Only one process may have it
// open. The error is a [process.UsageError].
func (c Flags) Open(logger *slog.Logger) (*Book, error) {
	writer, err := c.place().writer(logger)
	if err != nil {
		return nil, process.Usage("-revocations: %w", err)
	}
	list, err := c.Follow(nil, logger)
	if err != nil {
		return nil, err
	}
	return &Book{List: list, writer: writer}, nil
}

// Revoke publishes entries, and adds them to this process's own list without
// waiting until it reads them. It implements [revocation.Writer].
func (b *Book) Revoke(ctx context.Context, entries ...revocation.Entry) error {
	if err := b.writer.Revoke(ctx, entries...); err != nil {
		return err
	}
	return b.List.Revoke(ctx, entries...)
}
