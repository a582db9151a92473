// Rest lets users call a gRPC service by HTTP and JSON too, through
// grpc-gateway, with no second place where tokens are looked at. Start an echo
// server for it to pass calls on to, and then:
//
//	go -C examples run ./rest -upstream 127.0.0.1:50051 \
//	    -issuer https://id.example.com -audience echo
//
//	curl -H "Authorization: Bearer $TOKEN" -d '{"message":"hi"}' http://127.0.0.1:8080/v1/echo
//	curl -H "Authorization: Bearer $TOKEN" 'http://127.0.0.1:8080/v1/expand/hi?repeat=3&interval=1s'
//
// The same methods are there by gRPC, at 127.0.0.1:50052. An HTTP request becomes
// a call of this process's own gRPC server, where the policy is: so whoever
// calls, by whichever way, meets the same decisions. The upstream verifies the
// token once more. Health, by gRPC and at /healthz, is good while there are keys to
// verify with.
//
// Both ports are plaintext, for loopback: what ends TLS stands before them. See
// ../echo for a server with TLS, logged refusals and a recovery from panics.
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
	if err := app.listenAndServe(ctx, config); err != nil {
		logger.Error("rest failed", "cause", err)
		return 1
	}
	return 0
}

// listenAndServe serves at the addresses of the flags.
func (a *app) listenAndServe(ctx context.Context, config config) error {
	web, err := new(net.ListenConfig).Listen(ctx, "tcp", config.addr)
	if err != nil {
		return err
	}
	rpc, err := new(net.ListenConfig).Listen(ctx, "tcp", config.grpcAddr)
	if err != nil {
		_ = web.Close()
		return err
	}
	return a.Serve(ctx, web, rpc)
}

// misused reports flags that make no sense.
func misused(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintln(stderr, "rest:", oneLine(err.Error()))
	return 2
}
