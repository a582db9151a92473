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

// openKeys opens the JWK Set at a file or a URL. A URL need not answer yet: no
// token can be verified until it does, and that is Unavailable.
func openKeys(location string, logger *slog.Logger) (keys, error) {
	if strings.Contains(location, "://") {
		set, err := keyset.Fetch(location, keyset.RemoteConfig{Logger: logger})
		if err != nil {
			return nil, fmt.Errorf("-jwks: %w", err)
		}
		return set, nil
	}
	set, err := keyset.Load(location, keyset.FileConfig{Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("-jwks: %w", err)
	}
	return set, nil
}
