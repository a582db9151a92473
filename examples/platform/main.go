// Platform is the whole picture that jwtrelay exists for: users log in, call a
// gateway, and the token that they got travels through every service behind it,
// each of which verifies it by itself.
//
//	go -C examples run ./platform demo
//
// starts all of it on this machine and shows what it does. Every role is a
// subcommand: see platform help.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"

	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
	"github.com/jwtrelay/jwtrelay/examples/platform/demo"
	"github.com/jwtrelay/jwtrelay/examples/platform/gateway"
	"github.com/jwtrelay/jwtrelay/examples/platform/inventory"
	"github.com/jwtrelay/jwtrelay/examples/platform/orders"
	"github.com/jwtrelay/jwtrelay/examples/platform/pricing"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	signal.Ignore(syscall.SIGPIPE) // a demo that nobody reads any more still cleans up
	os.Exit(run(ctx, process.Env{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
}

// role is a subcommand.
type role struct {
	name    string
	summary string
	run     func(context.Context, process.Env) error
}

func roles() []role {
	all := []role{
		{"demo", "start everything here, and show what it does", demo.Run},
		{"auth", "log users in and out, publish the keys", auth.Run},
	}
	for _, r := range services() {
		all = append(all, role{r.Name, r.Summary, r.Run})
	}
	return append(all, role{"passwd", "read a password, and print a line for the users file of auth", auth.RunPasswd})
}

// services are in the order in which a call gets to them.
func services() []service.Role {
	return []service.Role{gateway.Role(), orders.Role(), inventory.Role(), pricing.Role()}
}

// run is main, with what a test wants to choose. It returns the exit status: 2
// for a mistake in the arguments, 1 for whatever else went wrong.
func run(ctx context.Context, env process.Env) int {
	if len(env.Args) == 0 {
		say(env.Stderr, "platform: a role is required; platform help lists them")
		return 2
	}
	name := env.Args[0]
	env.Args = env.Args[1:]
	if name == "help" || name == "-h" || name == "-help" || name == "--help" {
		help(env.Stdout)
		return 0
	}
	for _, role := range roles() {
		if role.name == name {
			return exitStatus(name, role.run(ctx, env), env.Stderr)
		}
	}
	say(env.Stderr, "platform: no role %q; platform help lists them", name)
	return 2
}

// exitStatus says how a role ended.
func exitStatus(role string, err error, stderr io.Writer) int {
	var misused *process.UsageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &misused):
		say(stderr, "platform %s: %v", role, misused)
		return 2
	case errors.Is(err, demo.ErrFailed): // it has said so
		return 1
	default:
		say(stderr, "platform %s: %v", role, err)
		return 1
	}
}

// help says what there is.
func help(stdout io.Writer) {
	say(stdout, `Platform is an example system in which every service verifies the user's token
itself and passes the same token on:

  user -> gateway -> orders -> inventory -> pricing      auth: login, logout and keys

usage: platform ROLE [flags]
`)
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	for _, role := range roles() {
		_, _ = fmt.Fprintf(table, "  %s\t%s\n", role.name, role.summary)
	}
	_ = table.Flush() // a terminal that is gone needs no help
	say(stdout, "\nplatform ROLE -h lists the flags of a role.")
}

// say writes a line. What can't be written, nobody reads.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
