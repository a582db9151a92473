package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var log bytes.Buffer
	if err := run(ctx, os.Stdout, &log); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "%s\nwatch: %v\n", &log, err)
		os.Exit(1)
	}
}

// life is how long a token lives here. In earnest, that is minutes.
const life = time.Second

// run plays everything, for 20 seconds at most. The error is nil only if all was as
// it says.
func run(ctx context.Context, stdout, log io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	stage, err := newStage(log, life) //nolint:contextcheck // what it makes lives on
	if err != nil {
		return err
	}
	conn, err := dial("passthrough:///changes", stage.session.credential, stage.toService(), stage.logger)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	s := newStory(stage, conn, stdout)
	s.say("A watch of changes, one every %v, by a user whose tokens live for %v.", every, life)
	if s.play(ctx); s.failed {
		return errors.New("not everything was as it should be")
	}
	s.say("\nAll of it was as it says.")
	return nil
}
