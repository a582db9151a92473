package interceptor

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Credential is what goes out with a call. The zero value is nothing. However
// it is printed, it doesn't show its value.
type Credential struct {
	// Value is the whole value of the header: "Bearer " and the token.
	Value string

	// ValidUntil is when the credential ends. Calls are refused from then on,
	// and streams are cut. Zero means that it isn't known.
	ValidUntil time.Time
}

// String says that this is a credential, and until when.
func (c Credential) String() string {
	switch {
	case c.Value == "":
		return "no credential"
	case c.ValidUntil.IsZero():
		return "credential"
	default:
		return "credential until " + c.ValidUntil.UTC().Format(time.RFC3339)
	}
}

// GoString is [Credential.String].
func (c Credential) GoString() string { return c.String() }

// Format prints [Credential.String] under every verb.
func (c Credential) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, c.String()) }

// LogValue is [Credential.String].
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON gives [Credential.String] as a JSON string.
func (c Credential) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }
