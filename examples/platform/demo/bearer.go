package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	grpcmd "google.golang.org/grpc/metadata"
)

// bearer is a token in the hands of a user. Printed in whatever way it shows
// its fingerprint.
type bearer string

// fingerprint is what the services should say of the token. It is computed here
// once more, and not by the library that is on show.
func (b bearer) fingerprint() string {
	sum := sha256.Sum256([]byte(b))
	return hex.EncodeToString(sum[:4])
}

// Format implements [fmt.Formatter].
func (b bearer) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, b.fingerprint()) }

// attach returns a context whose calls carry the token; an empty one is none.
func (b bearer) attach(ctx context.Context) context.Context {
	if b == "" {
		return ctx
	}
	return grpcmd.AppendToOutgoingContext(ctx, "authorization", "Bearer "+string(b))
}
