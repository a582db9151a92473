package service

import (
	"log/slog"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/keyset"
)

// openKeys returns the keys that the discovery document of auth leads to, unless
// the flags say where they are. They come in the background: a service starts
// though auth is away, and is healthy while it has keys that are not too old.
func openKeys(c flags, identity *process.Identity, readyChanged func(bool), logger *slog.Logger) (*keyset.Remote, error) {
	remote := keyset.RemoteConfig{
		Client:       identity.HTTPClient(),
		Logger:       logger,
		SnapshotFile: c.snapshot,
		ReadyChanged: readyChanged,
	}
	if c.jwks != "" {
		keys, err := keyset.Fetch(c.jwks, remote)
		if err != nil {
			return nil, process.Usage("-jwks: %w", err)
		}
		return keys, nil
	}
	keys, err := keyset.Discover(c.issuer, remote)
	if err != nil {
		return nil, process.Usage("-issuer: %w", err)
	}
	return keys, nil
}
