package service

import (
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/examples/platform/revocations"
)

// flags are what a service is told.
type flags struct {
	addr          string
	tls           process.TLSFlags
	issuer        string
	jwks          string // empty means that the discovery document of auth says it
	snapshot      string // empty means none
	audience      string
	revocations   revocations.Flags
	next          string // address of the service that this one calls
	stopWithStdin bool
}

// parseFlags reads the flags of a role.
func parseFlags(role Role, env process.Env) (flags, error) {
	var c flags
	f := process.NewFlags(role.Name, role.Summary)
	f.StringVar(&c.addr, "addr", "127.0.0.1:0", "`address` to listen on; port 0 takes a free one")
	c.tls.Register(f)
	f.Required(&c.issuer, "issuer", "`URL` of the auth role: the iss of the tokens to accept")
	f.StringVar(&c.jwks, "jwks", "", "`URL` of the keys that the tokens are verified with (default: discovery, from -issuer)")
	f.StringVar(&c.snapshot, "snapshot", "", "`file` to keep these keys in, for a start while auth is away")
	f.StringVar(&c.audience, "audience", "platform", "`aud` of the tokens to accept")
	c.revocations.Register(f)
	if role.Next != "" {
		f.Required(&c.next, role.Next, "`address` of the "+role.Next+" service")
	}
	f.BoolVar(&c.stopWithStdin, "stop-with-stdin", false, "stop when standard input ends, as that of a child does with its parent")

	if err := f.Parse(env); err != nil {
		return flags{}, err
	}
	if err := process.CheckAddr("addr", c.addr); err != nil {
		return flags{}, err
	}
	if role.Next != "" {
		if err := process.CheckAddr(role.Next, c.next); err != nil {
			return flags{}, err
		}
	}
	return c, nil
}
