// Package demo plays the scenes that show what the platform is for, on this
// machine, and checks all that it shows.
//
// Every role is a process of its own; all connections are TLS, by an authority
// that lives as long as the demo.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
)

// ErrFailed says that something shown did not hold. What that is has been
// written to standard output.
var ErrFailed = errors.New("demo: a check failed")

// limit is how long a demo may take at most.
const limit = 60 * time.Second

// Config is what a demo needs. Executable, Stdout and Stderr are required.
type Config struct {
	Executable string    // what runs a role, named by its first argument
	Env        []string  // for the roles, besides this process's own
	TempDir    string    // where to make a temporary directory; "" is the system's
	Stdout     io.Writer // the story
	Stderr     io.Writer // what the roles logged, if it ends badly
}

// Run runs the demo as a subcommand of the platform.
func Run(ctx context.Context, env process.Env) error {
	flags := process.NewFlags("demo", "starts every role on this machine, and shows what the platform does")
	if err := flags.Parse(env); err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	return Play(ctx, Config{Executable: executable, Stdout: env.Stdout, Stderr: env.Stderr})
}

// scene is a part of the demo.
type scene struct {
	title string
	play  func(context.Context, *stage) error
}

func scenes() []scene {
	return []scene{
		{"One order, one token, verified by every service", playOrder},
		{"A stream through the same services", playStream},
		{"What is refused, where and why", playRefusals},
		{"Who may do what, as the protos say", playScopes},
		{"A stolen token, past the gateway", playStolen},
		{"Fifty users at once", playCrowd},
		{"Logged out, and the token ends everywhere", playLogout},
		{"The auth service is killed", playOutage},
	}
}

// Play plays all scenes. The error is [ErrFailed] if anything did not hold.
// Whatever happens, no process and no file is left behind.
func Play(ctx context.Context, config Config) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	story := &narrator{w: config.Stdout}
	s := &stage{narrator: story, config: config}
	began := time.Now()
	err := s.play(ctx)
	if err != nil {
		story.failed(explain(ctx, err))
	}
	s.close()
	if err != nil {
		s.showLogs(config.Stderr)
		return ErrFailed
	}
	story.line("\nAll %d scenes held, in %s.", story.scenes, human(time.Since(began)))
	return nil
}

// explain says why a context ended, where that is all that err says.
func explain(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.Canceled):
		return errors.New("interrupted")
	case errors.Is(cause, context.DeadlineExceeded):
		return fmt.Errorf("not done within %s: %w", human(limit), err)
	default:
		return err
	}
}

// play starts everything, and plays the scenes one by one.
func (s *stage) play(ctx context.Context) error {
	s.line("jwtrelay: a user's token travels through four services, and each verifies it itself\n")
	s.line("   user -> gateway -> orders -> inventory -> pricing      auth: login, logout and keys\n")
	if err := s.open(ctx); err != nil {
		return err
	}
	for _, scene := range scenes() {
		s.scene(scene.title)
		if err := scene.play(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
