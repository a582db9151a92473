// Package revocations answers one question: where does the platform keep which
// tokens ended early?
//
// In a file, or in Redis. The auth role writes it, and every service follows it. While
// Redis is away they go on with what they have, and nobody can log out: auth answers
// 503, try again later.
package revocations

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/revocation"
)

// Flags say where revocations are kept, the same for all roles. Without a place
// there are none: tokens are good until they expire.
type Flags struct {
	Place       string // the path of a file, or a redis:// or rediss:// URL
	MaxLifetime time.Duration
}

// Register defines the flags.
func (c *Flags) Register(f *process.Flags) {
	f.StringVar(&c.Place, "revocations", "", "`place` with what was revoked, which auth writes and the others follow: a file, or\n"+
		"redis://[user[:password]@]host:port, or rediss:// for TLS; better have the password in "+PasswordVariable)
	f.DurationVar(&c.MaxLifetime, "max-lifetime", time.Hour,
		"with -revocations, how long a token lives at most: those that live longer are refused, and entries remembered for so long")
}

// Enabled reports whether tokens can be revoked.
func (c Flags) Enabled() bool { return c.Place != "" }

// place is where revocations are kept, as one role has it open.
type place struct {
	name    string
	feed    revocation.Feed
	writer  revocation.Writer                 // nil for a role that only follows
	restore func(from *revocation.List) error // tells what to write again if it gets lost there
	close   func() error
}

// open opens the place, for a role that writes or one that only follows. This is
// all that knows what kinds there are.
func (c Flags) open(writes bool, logger *slog.Logger) (place, error) {
	if isURL(c.Place) {
		return c.openRedis(writes)
	}
	return c.openFile(writes, logger)
}

// List is what is revoked, followed until Close.
type List struct {
	*revocation.List
	place place
}

// Follow returns the list. It tells readyChanged whether it can be relied on. The
// error is a [process.UsageError].
func (c Flags) Follow(readyChanged func(ready bool), logger *slog.Logger) (*List, error) {
	return c.follow(false, readyChanged, logger)
}

func (c Flags) follow(writes bool, readyChanged func(ready bool), logger *slog.Logger) (*List, error) {
	from, err := c.open(writes, logger)
	if err != nil {
		return nil, process.Usage("-revocations: %w", err)
	}
	list, err := revocation.NewList(revocation.Config{
		MaxLifetime:  c.MaxLifetime,
		Sources:      []revocation.Source{{Name: from.name, Feed: from.feed}},
		ReadyChanged: readyChanged,
		Logger:       logger,
	})
	if err != nil {
		return nil, process.Usage("-max-lifetime: %w", errors.Join(err, from.close()))
	}
	if err := from.restore(list); err != nil {
		return nil, process.Usage("-revocations: %w", errors.Join(err, list.Close(), from.close()))
	}
	return &List{List: list, place: from}, nil
}

// Close ends the following. The list goes on answering from what it has.
func (l *List) Close() error { return errors.Join(l.List.Close(), l.place.close()) }

// Book is what the role that revokes has: the list, and where it is written. It
// is a [revocation.Writer].
type Book struct{ *List }

// Open returns the book, which lives until Close. Only one process may have that of
// a file open. The error is a [process.UsageError].
func (c Flags) Open(logger *slog.Logger) (*Book, error) {
	list, err := c.follow(true, nil, logger)
	if err != nil {
		return nil, err
	}
	return &Book{list}, nil
}

// Revoke publishes entries, and adds them to this process's own list without
// waiting until it reads them. It implements [revocation.Writer].
func (b *Book) Revoke(ctx context.Context, entries ...revocation.Entry) error {
	if err := b.place.writer.Revoke(ctx, entries...); err != nil {
		return err
	}
	return b.List.Revoke(ctx, entries...)
}
