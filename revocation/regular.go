package revocation

import (
	"errors"
	"fmt"
	"os"
)

// openRegular opens a regular file for reading.
func openRegular(path string) (*os.File, error) { return openAs(path, os.O_RDONLY) }

// openAs opens a regular file. Anything else that a path may lead to, such as a
// pipe, could keep the caller waiting for good.
func openAs(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, flag|nonBlocking, ownerOnly) //nolint:gosec // the path is the operator's choice
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return file, nil
}

// ownerOnly is the mode of new files.
const ownerOnly = 0o600
