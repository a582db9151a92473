package revocations

import (
	"log/slog"

	"github.com/jwtrelay/jwtrelay/revocation"
)

// openFile opens a place that is a file.
func (c Flags) openFile(writes bool, logger *slog.Logger) (place, error) {
	opened := place{
		name:    "file",
		restore: func(*revocation.List) error { return nil }, // what is in a file stays there
		close:   func() error { return nil },
	}
	var err error
	if writes {
		opened.writer, err = revocation.OpenFileWriter(c.Place, revocation.FileWriterConfig{MaxLifetime: c.MaxLifetime, Logger: logger})
	}
	if err != nil {
		return place{}, err
	}
	opened.feed, err = revocation.NewFile(c.Place, revocation.FileConfig{})
	return opened, err
}
