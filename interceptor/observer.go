package interceptor

import (
	"context"
	"time"

	"github.com/jwtrelay/jwtrelay/token"
)

// Observer is told what happened, for logs, metrics and traces. Its methods are
// called by the goroutine of the call or, when a stream is cut, of a timer,
// where no interceptor recovers a panic. They must be quick, and they may be
// called concurrently. Nothing they are given prints a token.
type Observer interface {
	// Decided is called once for each incoming call, but for preflights that
	// nobody decides on, see UncheckedPreflights; and once more for a stream or an
	// HTTP request that is ended with its token.
	Decided(ctx context.Context, d Decision)

	// Relayed is called for each attempt of an outgoing call that carries or may
	// carry a credential, for each other call, for what is refused here, and for
	// each stream that is cut because its token ends.
	Relayed(ctx context.Context, r Relayed)
}

// Decision is what a [Server] decided about a call.
type Decision struct {
	Method   string        // full name
	Hop      string        // the server's name, see Name
	Token    *token.Token  // nil if none was verified; there too if the policy refused its bearer
	Reason   token.Reason  // "" if the call was let in
	Err      error         // the refusal; logged by slog it shows reason, method, hop and cause
	Ended    bool          // an open stream or request was ended; else a call was let in or refused
	Shadow   bool          // the call was let in, Reason and Err are what would be, see Shadow
	Duration time.Duration // finding and verifying the token, and judging

	// Fingerprint is that of the token, see [token.Fingerprint]. Of one that was
	// refused it is there too, if the call carried just one; it then says what was
	// sent, not who sent it.
	Fingerprint string
}

// Relayed is what a [Client] did with an outgoing call.
type Relayed struct {
	Method string       // full name
	Hop    string       // the client's name, see Name
	Target string       // what the connection was dialled with
	Sent   Sent         // what goes out with the call
	Reason token.Reason // "" if the call was not refused here
	Err    error        // the refusal; logged by slog it shows reason, method, hop and cause

	Fingerprint string // of the token if this server verified it, else ""
}

// Sent is whose credential an outgoing call carries.
type Sent string

// What a call may carry.
const (
	SentNothing  Sent = "nothing"  // no header at all
	SentVerified Sent = "verified" // the token that this server verified
	SentIncoming Sent = "incoming" // the value that came in, not verified here
	SentSource   Sent = "source"   // what the Source gave
	SentOwn      Sent = "own"      // the service's own credential, see Otherwise
	SentCaller   Sent = "caller"   // what the calling code put into the call itself
)
