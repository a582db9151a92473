package service

import (
	"log/slog"

	"github.com/jwtrelay/jwtrelay/token"
)

// openRevocations returns which tokens ended early, nil if the flags say that none
// can, and what ends following that. While it can't be read, the service goes on with
// what it knows: an outage of logging out is not one of the platform.
func openRevocations(c flags, readyChanged func(bool), logger *slog.Logger) (token.Revocations, func(), error) {
	if !c.revocations.Enabled() {
		readyChanged(true)
		return nil, func() {}, nil
	}
	list, err := c.revocations.Follow(readyChanged, logger)
	if err != nil {
		return nil, nil, err
	}
	return list, func() { _ = list.Close() }, nil // always nil
}
