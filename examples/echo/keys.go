package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// keys is a key set that has to be closed.
type keys interface {
	keyset.Set
	io.Closer
}

// openKeys opens the keys that config names, and sees to it that ready is told
// whether tokens can be verified with them. An issuer need not answer yet: until
// it does they can't be, and that is Unavailable.
func openKeys(config config, ready func(bool), logger *slog.Logger) (keys, error) {
	if config.jwks != "" && !isURL(config.jwks) {
		return loadKeys(config.jwks, ready, logger)
	}
	remote := keyset.RemoteConfig{
		SnapshotFile: config.snapshot, ReadyChanged: ready, Client: config.client, Logger: logger,
	}
	if config.jwks == "" {
		set, err := keyset.Discover(config.issuer, remote)
		if err != nil {
			return nil, fmt.Errorf("-issuer (or give -jwks): %w", err)
		}
		return set, nil
	}
	set, err := keyset.Fetch(config.jwks, remote)
	if err != nil {
		return nil, fmt.Errorf("-jwks: %w", err)
	}
	return set, nil
}

// loadKeys opens a file. Its keys are there at once and never get too old.
func loadKeys(path string, ready func(bool), logger *slog.Logger) (keys, error) {
	set, err := keyset.Load(path, keyset.FileConfig{Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("-jwks: %w", err)
	}
	ready(true)
	return set, nil
}

// isURL reports whether a location of keys is a URL, and not a file.
func isURL(location string) bool { return strings.Contains(location, "://") }
