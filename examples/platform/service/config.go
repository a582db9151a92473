package service

import (
	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
)

// config is what the flags of a service say.
type config struct {
	addr          string
	tls           process.TLSFlags
	issuer        string
	jwks          string
	audience      string
	next          string // address of the service that this one calls
	stopWithStdin bool
}

// parseFlags reads the flags of a role.
func parseFlags(role Role, env process.Env) (config, error) {
	var c config
	flags := process.NewFlags(role.Name, role.Summary)
	flags.StringVar(&c.addr, "addr", "127.0.0.1:0", "`address` to listen on; port 0 takes a free one")
	c.tls.Register(flags)
	flags.Required(&c.issuer, "issuer", "`URL` of the auth role: the iss of the tokens to accept")
	flags.StringVar(&c.jwks, "jwks", "", "`URL` of the keys that the tokens are verified with (default: "+auth.JWKSPath+" below -issuer)")
	flags.StringVar(&c.audience, "audience", "platform", "`aud` of the tokens to accept")
	if role.Next != "" {
		flags.Required(&c.next, role.Next, "`address` of the "+role.Next+" service")
	}
	flags.BoolVar(&c.stopWithStdin, "stop-with-stdin", false, "stop when standard input ends, as that of a child does with its parent")

	if err := flags.Parse(env); err != nil {
		return config{}, err
	}
	if err := process.CheckAddr("addr", c.addr); err != nil {
		return config{}, err
	}
	if role.Next != "" {
		if err := process.CheckAddr(role.Next, c.next); err != nil {
			return config{}, err
		}
	}
	if c.jwks == "" {
		c.jwks = c.issuer + auth.JWKSPath
	}
	return c, nil
}
