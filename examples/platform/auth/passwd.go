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
// file that lets a user log in with it, see [ReadUsers].
func RunPasswd(_ context.Context, env process.Env) error {
	f := process.NewFlags("passwd", "reads a password from standard input, one line, and prints a line for the users file of auth")
	var name, scopes string
	f.Required(&name, "user", "`name` of the user")
	f.StringVar(&scopes, "scopes", "", "`scopes` of the user's tokens, with spaces between them")
	if err := f.Parse(env); err != nil {
		return err
	}
	if strings.ContainsAny(name, " \t\n#") {
		return process.Usage("-user: a name has no spaces and no #")
	}
	user := User{Scopes: strings.Fields(scopes)}
	if err := checkScopes(user.Scopes); err != nil {
		return process.Usage("-scopes: %w", err)
	}
	line, err := bufio.NewReader(env.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if user.Hash, err = NewHash(Password(strings.TrimRight(line, "\r\n")), DefaultIterations); err != nil {
		return err
	}
	return Memory{name: user}.Write(env.Stdout)
}
