package keyset

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// readFile reads a regular file of at most maxSize bytes.
func readFile(path string, maxSize int64) ([]byte, error) {
	file, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	content, err := readBounded(file, maxSize)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return content, nil
}

// openRegular opens a regular file. Anything else that a path may lead to, such
// as a pipe, could keep the reader waiting for good.
func openRegular(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|nonBlocking, 0) //nolint:gosec // the path is the operator's choice
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

// readBounded reads all of r, and fails if that is more than limit bytes.
func readBounded(r io.Reader, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("more than %d bytes", limit)
	}
	return content, nil
}

// readOwn reads a file that nobody else could have written.
func readOwn(file *os.File, maxSize int64) ([]byte, error) {
	if err := checkOwner(file); err != nil {
		return nil, err
	}
	return readBounded(file, maxSize)
}
