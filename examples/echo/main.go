// Echo is the smallest real server that verifies its callers' tokens, and
// relays them. Try the library with it against any issuer, and chain as many
// of it as you like:
//
//	go -C examples run ./echo -addr 127.0.0.1:50051 -issuer https://id.example.com -audience echo
//
// and call it, with grpcurl for one:
//
//	grpcurl -plaintext -H "authorization: Bearer $TOKEN" -d '{"message":"hi"}' \
//	    127.0.0.1:50051 jwtrelay.examples.echo.v1.EchoService/Echo
//
// The keys are where the issuer's discovery document says. For an issuer without
// one there is -jwks: the URL of a JWK Set, or a file with a JWK Set or PEM (which
// is looked for in examples then, or give its whole path). With -snapshot, a
// restart while the issuer is away has the keys that were fetched before it.
//
// Every method of jwtrelay.examples.echo.v1.EchoService needs a token; health
// and reflection are open. Its health is SERVING while it has keys to verify with.
// With -upstream it passes each call on to the same method there, with the same
// token. It logs to stderr, and ends on SIGINT and SIGTERM. Flags that make no sense end it with one line and status 2, which
// "go run" turns into 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main, with what a test wants to choose. It serves until ctx ends and
// returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	config, err := parseFlags(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return misused(stderr, err)
	}
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	app, err := newApp(config, logger) //nolint:contextcheck // the key set lives until Close, not until ctx ends
	if err != nil {
		return misused(stderr, err)
	}
	defer app.Close()

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", config.addr)
	if err != nil {
		return failed(logger, err)
	}
	if err := app.Serve(ctx, listener); err != nil {
		return failed(logger, err)
	}
	return 0
}

// misused reports flags that make no sense.
func misused(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintln(stderr, "echo:", oneLine(err.Error()))
	return 2
}

// failed reports what went wrong although the flags made sense.
func failed(logger *slog.Logger, err error) int {
	logger.Error("echo failed", "cause", err)
	return 1
}
