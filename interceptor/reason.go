package interceptor

import (
	"google.golang.org/grpc/codes"

	"github.com/jwtrelay/jwtrelay/token"
)

// The reasons of this package, beside those of package token.
const (
	// ReasonNoPolicy: the server has no rule for the method.
	ReasonNoPolicy token.Reason = "NO_POLICY"
	// ReasonRelayInsecure: a credential was to go over a connection that is
	// not known to be private. Nothing has gone out.
	ReasonRelayInsecure token.Reason = "RELAY_INSECURE"
	// ReasonRelayConflict: the outgoing call had two values of the header.
	// Nothing has gone out.
	ReasonRelayConflict token.Reason = "RELAY_CONFLICT"
	// ReasonRelayUnverified: a token came in that no server interceptor
	// verified, and the client relays verified ones only. Nothing has gone out.
	ReasonRelayUnverified token.Reason = "RELAY_UNVERIFIED"
	// ReasonCredentialUnavailable: whoever issues this service's own
	// credentials, or exchanges tokens, could not. Nothing has gone out.
	ReasonCredentialUnavailable token.Reason = "CREDENTIAL_UNAVAILABLE" //nolint:gosec // a name
)

// verdict is how a reason is told to a caller.
type verdict struct {
	code codes.Code
	text string // "" if the error has its own
}

// verdictOf returns the verdict of a reason. The reasons that are not here are
// verdicts on a token.
func verdictOf(reason token.Reason) verdict {
	switch reason {
	case token.ReasonKeysUnavailable:
		return verdict{code: codes.Unavailable}
	case ReasonNoPolicy:
		return verdict{codes.PermissionDenied, "no policy allows this method"}
	case ReasonCredentialUnavailable:
		return verdict{codes.Unavailable, "there is no credential for the next service now"}
	case ReasonRelayInsecure:
		return verdict{codes.Internal, "the token was not relayed: the connection is not private " +
			"(dial with TLS; interceptor.AllowPlaintext() is for sidecars and loopback)"}
	case ReasonRelayConflict:
		return verdict{codes.Internal, "the token was not relayed: the call has two credentials"}
	case ReasonRelayUnverified:
		return verdict{codes.Internal, "the token was not relayed: it was not verified here"}
	default:
		return verdict{code: codes.Unauthenticated}
	}
}
