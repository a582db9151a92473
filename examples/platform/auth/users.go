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

// User is what is known of a user.
type User struct {
	Hash   Hash     // of the password
	Scopes []string // what the user may do
}

// Users knows the users: the role's database.
type Users interface {
	// User returns the user of that name, or ErrNoUser.
	User(ctx context.Context, name string) (User, error)
}

// Memory are users in memory, by name. It must not be modified once it is in use.
type Memory map[string]User

// User implements [Users].
func (m Memory) User(_ context.Context, name string) (User, error) {
	user, ok := m[name]
	if !ok {
		return User{}, ErrNoUser
	}
	return user, nil
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

// ReadUsers reads users, one a line, such as
//
//	alice $pbkdf2-sha256$600000$SALT$SUM orders.read orders.write
//
// which is the name, what [Hash.Encode] returned, and the scopes, as many as
// there are, with spaces between all of them. Empty lines and those that begin
// with # say nothing.
func ReadUsers(r io.Reader) (Memory, error) {
	users := make(Memory)
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, user, err := parseUser(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if _, twice := users[name]; twice {
			return nil, fmt.Errorf("line %d: a second user of that name", n)
		}
		users[name] = user
	}
	return users, lines.Err()
}

// parseUser reads a line that is not empty.
func parseUser(line string) (string, User, error) {
	fields := strings.Fields(line)
	if len(fields) == 1 {
		return "", User{}, errors.New("a name and nothing else")
	}
	if strings.Contains(line, " #") { // its words would be scopes
		return "", User{}, errors.New("a comment needs a line of its own")
	}
	hash, err := ParseHash(fields[1])
	if err != nil {
		return "", User{}, err
	}
	return fields[0], User{Hash: hash, Scopes: fields[2:]}, checkScopes(fields[2:])
}

// Write writes the users as [ReadUsers] reads them.
func (m Memory) Write(w io.Writer) error {
	for name, user := range m {
		fields := append([]string{name, user.Hash.Encode()}, user.Scopes...)
		if _, err := fmt.Fprintln(w, strings.Join(fields, " ")); err != nil {
			return err
		}
	}
	return nil
}
