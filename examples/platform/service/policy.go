package service

import (
	"context"
	"log/slog"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// PolicyTable returns who may call what, for people, see
// [interceptor.Server.PolicyTable].
func (s *Service) PolicyTable() string { return s.guard.PolicyTable(s.server) }

// PolicyTable returns who may call what of the role, as it will be when it runs.
// Nothing is started for that.
func (r Role) PolicyTable() (string, error) {
	server, err := New(Config{
		Name:     r.Name,
		Public:   r.Public,
		Issuer:   token.Issuer{URL: "https://nobody.invalid", Audiences: []string{"nobody"}, Keys: noKeys{}},
		Identity: new(process.Identity),
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return "", err
	}
	r.Register(server, nil)
	return server.PolicyTable(), nil
}

// noKeys is the key set of a service that nobody calls.
type noKeys struct{}

// Key implements [keyset.Set].
func (noKeys) Key(context.Context, string, keyset.Algorithm) (*keyset.Key, error) {
	return nil, keyset.ErrUnknownKey
}
