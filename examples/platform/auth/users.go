package auth

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// ErrNoUser says that there is no user of that name.
var ErrNoUser = errors.New("auth: no such user")

// Users knows the users: the role's database.
type Users interface {
	// Hash returns the hash of a user's password, or ErrNoUser.
	Hash(ctx context.Context, name string) (Hash, error)
}

// Memory are users in memory: their hashes, by name. It must not be modified
// once it is in use.
type Memory map[string]Hash

// Hash implements [Users].
func (m Memory) Hash(_ context.Context, name string) (Hash, error) {
	hash, ok := m[name]
	if !ok {
		return Hash{}, ErrNoUser
	}
	return hash, nil
}

// LoadUsers reads the users in the file at path: see [ReadUsers].
func LoadUsers(path string) (Memory, error) {
	file, err := os.Open(path) //nolint:gosec // the operator's own flag names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	users, err := ReadUsers(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return users, nil
}

// ReadUsers reads users, one a line: the name, a space, and what [Hash.Encode]
// returned. Empty lines and those that begin with # say nothing.
func ReadUsers(r io.Reader) (Memory, error) {
	users := make(Memory)
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, text, _ := strings.Cut(line, " ")
		hash, err := ParseHash(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if _, twice := users[name]; twice {
			return nil, fmt.Errorf("line %d: a second user of that name", n)
		}
		users[name] = hash
	}
	return users, lines.Err()
}

// Write writes the users as [ReadUsers] reads them.
func (m Memory) Write(w io.Writer) error {
	for name, hash := range m {
		if _, err := fmt.Fprintln(w, name, hash.Encode()); err != nil {
			return err
		}
	}
	return nil
}
