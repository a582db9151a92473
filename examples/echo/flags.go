package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

// config is what the flags say.
type config struct {
	addr     string
	name     string // of this hop; never empty
	jwks     string // empty means that the issuer's discovery document says it
	issuer   string
	audience string
	snapshot string // empty means none
	leeway   time.Duration

	tlsCert, tlsKey string // both or none

	upstream          string // empty means that this is the last hop
	upstreamCA        string
	upstreamPlaintext bool

	client *http.Client // for the issuer's keys; no flag, nil but in tests
}

// parseFlags reads the flags. The error is [flag.ErrHelp] after -h, whose text
// it writes to stdout, or says in one line which flag to mend.
func parseFlags(args []string, stdout io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("echo", flag.ContinueOnError)
	flags.StringVar(&c.addr, "addr", "127.0.0.1:50051", "`address` to listen on")
	flags.StringVar(&c.name, "name", "", "`name` of this service among the hops (default: the address)")
	flags.StringVar(&c.jwks, "jwks", "", "`file or URL` of the issuer's keys: a JWK Set, or PEM in a file (default: discovery, from -issuer)")
	flags.StringVar(&c.issuer, "issuer", "", "`iss` of the tokens to accept; without -jwks a URL, https unless on loopback")
	flags.StringVar(&c.audience, "audience", "", "`aud` of the tokens to accept")
	flags.StringVar(&c.snapshot, "snapshot", "", "`file` to keep the fetched keys in, for a start while the issuer is away")
	flags.DurationVar(&c.leeway, "leeway", token.DefaultLeeway, "how far the issuer's clock may be off")
	flags.StringVar(&c.tlsCert, "tls-cert", "", "`file` with the server's certificate chain (PEM); without it the server is plaintext")
	flags.StringVar(&c.tlsKey, "tls-key", "", "`file` with the server's private key (PEM)")
	flags.StringVar(&c.upstream, "upstream", "", "`address` of the echo server to pass calls on to")
	flags.StringVar(&c.upstreamCA, "upstream-ca", "", "`file` with the certificates (PEM) that the upstream's TLS is verified against")
	flags.BoolVar(&c.upstreamPlaintext, "upstream-plaintext", false, "send tokens to the upstream in the clear: for loopback only")

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
	if c.name == "" {
		c.name = c.addr
	}
	return c, c.validate()
}

// validate reports what is missing or contradicts itself. What is in the files
// shows when they are read.
func (c config) validate() error {
	switch {
	case c.issuer == "":
		return errors.New("-issuer is required")
	case c.audience == "":
		return errors.New("-audience is required")
	case c.snapshot != "" && c.jwks != "" && !isURL(c.jwks):
		return errors.New("-snapshot is for keys that are fetched, not for a -jwks that is a file")
	case c.leeway < 0:
		return errors.New("-leeway is negative")
	case (c.tlsCert == "") != (c.tlsKey == ""):
		return errors.New("-tls-cert and -tls-key go together")
	case c.upstream == "" && (c.upstreamCA != "" || c.upstreamPlaintext):
		return errors.New("-upstream-ca and -upstream-plaintext need -upstream")
	case c.upstreamCA != "" && c.upstreamPlaintext:
		return errors.New("-upstream-ca and -upstream-plaintext exclude each other")
	}
	if _, _, err := net.SplitHostPort(c.addr); err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	if c.upstream == "" {
		return nil
	}
	if host, port, err := net.SplitHostPort(c.upstream); err != nil {
		return fmt.Errorf("-upstream: %w", err)
	} else if host == "" || port == "" {
		return fmt.Errorf("-upstream: %q is not host:port", c.upstream)
	}
	return nil
}

// oneLine keeps a message that quotes what the user gave on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
