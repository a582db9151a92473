package revocation

import (
	"context"
	"time"
)

// LogoutObserver is told about logouts by providers, for metrics and audits. Its
// method must be quick, may be called concurrently, and is called once for each
// request, before the answer.
type LogoutObserver interface {
	LoggedOut(ctx context.Context, l Logout)
}

// Logout is what happened to one request.
type Logout struct {
	Issuer   string        // "" unless there was a logout token that holds
	Entries  []Entry       // what it revokes
	Replayed bool          // it was published before, and not again
	Status   int           // of the answer
	Duration time.Duration // by the handler's clock

	// Err is why nothing was published, nil if it was. What it says is in the answer;
	// the errors that it wraps are for the operator, and may quote claims, but never
	// the token. [token.ReasonOf] finds why a token was refused.
	Err error
}
