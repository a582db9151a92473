package auth

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/examples/platform/revocations"
)

// grace is how long open requests may go on once the role is told to stop.
const grace = 5 * time.Second

// flags are what the role is told.
type flags struct {
	addr          string
	tls           process.TLSFlags
	key           string
	users         string
	issuer        string
	audience      string
	lifetime      time.Duration
	revocations   revocations.Flags
	stopWithStdin bool
}

func parseFlags(env process.Env) (flags, error) {
	var c flags
	f := process.NewFlags("auth", "logs users in, and publishes the keys that their tokens are verified with")
	f.StringVar(&c.addr, "addr", "127.0.0.1:0", "`address` to listen on; port 0 takes a free one")
	c.tls.Register(f)
	f.Required(&c.key, "key", "`file` with the private key that signs tokens (PEM, PKCS #8, P-256)")
	f.Required(&c.users, "users", "`file` with the users, a line each: name, hash of the password, scopes (see platform passwd)")
	f.StringVar(&c.issuer, "issuer", "", "`URL` that users and services see (default: https:// and the address)")
	f.StringVar(&c.audience, "audience", "platform", "`aud` of the tokens")
	f.DurationVar(&c.lifetime, "lifetime", 15*time.Minute, "how long a token is valid")
	c.revocations.Register(f)
	f.BoolVar(&c.stopWithStdin, "stop-with-stdin", false, "stop when standard input ends, as that of a child does with its parent")
	if err := f.Parse(env); err != nil {
		return flags{}, err
	}
	if c.lifetime < time.Second {
		return flags{}, process.Usage("-lifetime: %v is less than a second", c.lifetime)
	}
	if c.revocations.Enabled() && c.lifetime > c.revocations.MaxLifetime {
		return flags{}, process.Usage("-lifetime: %v is more than -max-lifetime, %v", c.lifetime, c.revocations.MaxLifetime)
	}
	return c, process.CheckAddr("addr", c.addr)
}

// Run runs the role as a process until ctx ends.
func Run(ctx context.Context, env process.Env) error {
	c, err := parseFlags(env)
	if err != nil {
		return err
	}
	identity, err := c.tls.Load()
	if err != nil {
		return err
	}
	logger := env.Logger("auth")
	config, err := c.config(logger)
	if err != nil {
		return err
	}
	if c.revocations.Enabled() {
		book, err := c.revocations.Open(logger) //nolint:contextcheck // it lives until Close
		if err != nil {
			return err
		}
		defer func() { _ = book.Close() }() // what was written is written
		config.Revocations = book
	}
	if c.stopWithStdin {
		var cancel context.CancelFunc
		ctx, cancel = process.UntilEOF(ctx, env.Stdin)
		defer cancel()
	}
	listener, err := process.Listen(ctx, c.addr, env.Stdout)
	if err != nil {
		return err
	}
	if config.Issuer = c.issuer; c.issuer == "" {
		config.Issuer = "https://" + listener.Addr().String()
	}
	server, err := NewServer(config)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return serve(ctx, listener, &http.Server{
		Handler:           server.Handler(),
		TLSConfig:         identity.ForUsers(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}, logger)
}

// config returns what the flags say of the server, but its issuer and where it writes
// revocations.
func (c flags) config(logger *slog.Logger) (Config, error) {
	key, err := LoadSigningKey(c.key)
	if err != nil {
		return Config{}, process.Usage("-key: %w", err)
	}
	users, err := LoadUsers(c.users)
	if err != nil {
		return Config{}, process.Usage("-users: %w", err)
	}
	return Config{Audience: c.audience, Lifetime: c.lifetime, Key: key, Users: users, Logger: logger}, nil
}

// serve serves until ctx ends, and then lets open requests finish for a while.
func serve(ctx context.Context, listener net.Listener, server *http.Server, logger *slog.Logger) error {
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(listener, "", "") }()
	logger.Info("serving", "addr", listener.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	enough, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(enough); err != nil {
		return errors.Join(err, server.Close())
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
