package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
)

// config is what the flags say.
type config struct {
	addr     string
	grpcAddr string
	issuer   string
	audience string
	upstream string
}

// parseFlags reads the flags. The error is [flag.ErrHelp] after -h, whose text
// it writes to stdout, or says in one line which flag to mend.
func parseFlags(args []string, stdout io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("rest", flag.ContinueOnError)
	flags.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`address` to listen on for HTTP")
	flags.StringVar(&c.grpcAddr, "grpc-addr", "127.0.0.1:50052", "`address` to listen on for gRPC")
	flags.StringVar(&c.issuer, "issuer", "", "`iss` of the tokens to accept: a URL, whose discovery document leads to the keys")
	flags.StringVar(&c.audience, "audience", "", "`aud` of the tokens to accept")
	flags.StringVar(&c.upstream, "upstream", "", "`address` of the echo server to pass calls on to: loopback, or unix:path")

	flags.SetOutput(io.Discard) // one clear line, not the whole usage
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(stdout)
			flags.Usage()
		}
		return config{}, err
	}
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return c, c.validate()
}

// validate reports what is missing or is no address.
func (c config) validate() error {
	switch {
	case c.issuer == "":
		return errors.New("-issuer is required")
	case c.audience == "":
		return errors.New("-audience is required")
	case c.upstream == "":
		return errors.New("-upstream is required")
	}
	if _, _, err := net.SplitHostPort(c.addr); err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	if _, _, err := net.SplitHostPort(c.grpcAddr); err != nil {
		return fmt.Errorf("-grpc-addr: %w", err)
	}
	return nil
}

// oneLine keeps a message that quotes what the user gave on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
