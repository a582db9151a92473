package auth

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
)

// RunPasswd reads a password from standard input and prints the line of a users
// file that lets a user log in with it.
func RunPasswd(_ context.Context, env process.Env) error {
	f := process.NewFlags("passwd", "reads a password from standard input, one line, and prints a line for the users file of auth")
	var name string
	f.Required(&name, "user", "`name` of the user")
	if err := f.Parse(env); err != nil {
		return err
	}
	if strings.ContainsAny(name, " \t\n#") {
		return process.Usage("-user: a name has no spaces and no #")
	}
	line, err := bufio.NewReader(env.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	hash, err := NewHash(Password(strings.TrimRight(line, "\r\n")), DefaultIterations)
	if err != nil {
		return err
	}
	return Memory{name: hash}.Write(env.Stdout)
}
