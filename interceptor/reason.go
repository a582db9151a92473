package interceptor

import (
	"google.golang.org/grpc/codes"

	"github.com/jwtrelay/jwtrelay/token"
)

// The reasons of this package, beside those of package token. First those of
// policy, then those of relaying, where nothing has gone out.
const (
	// ReasonNoPolicy: the server has no rule for the method.
	ReasonNoPolicy token.Reason = "NO_POLICY"
	// ReasonScopeInsufficient: the token is valid, and was granted too little.
	ReasonScopeInsufficient token.Reason = "SCOPE_INSUFFICIENT"
	// ReasonClaimRequired: the token is valid, and a claim doesn't say what it must.
	ReasonClaimRequired token.Reason = "CLAIM_REQUIRED"
	// ReasonIssuerNotAllowed: the token is valid, and of an issuer that is not for
	// this method.
	ReasonIssuerNotAllowed token.Reason = "ISSUER_NOT_ALLOWED"
	// ReasonTooOld: the token is valid, and was issued too long ago for this
	// method. The user can mend it, by logging in again.
	ReasonTooOld token.Reason = "TOKEN_TOO_OLD"
	// ReasonPeerNotAllowed: the token is valid, and brought by a peer that may not
	// call this method.
	ReasonPeerNotAllowed token.Reason = "PEER_NOT_ALLOWED"
	// ReasonCallNotAllowed: the token is valid, and a function of the server's own
	// says no, see [Require].
	ReasonCallNotAllowed token.Reason = "CALL_NOT_ALLOWED"
	// ReasonPolicyUnavailable: a function of the server's own can't say now.
	ReasonPolicyUnavailable token.Reason = "POLICY_UNAVAILABLE"

	// ReasonRelayInsecure: a credential was to go over a connection that is
	// not known to be private.
	ReasonRelayInsecure token.Reason = "RELAY_INSECURE"
	// ReasonRelayConflict: the outgoing call had two values of the header.
	ReasonRelayConflict token.Reason = "RELAY_CONFLICT"
	// ReasonRelayUnverified: a token came in that no server interceptor
	// verified, and the client relays verified ones only.
	ReasonRelayUnverified token.Reason = "RELAY_UNVERIFIED"
	// ReasonCredentialUnavailable: whoever issues this service's own
	// credentials, or exchanges tokens, could not.
	ReasonCredentialUnavailable token.Reason = "CREDENTIAL_UNAVAILABLE"
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
	case token.ReasonKeysUnavailable, token.ReasonRevocationsUnavailable:
		return verdict{code: codes.Unavailable}
	case token.ReasonOverloaded:
		return verdict{code: codes.ResourceExhausted}
	case ReasonNoPolicy:
		return verdict{codes.PermissionDenied, "no policy allows this method"}
	case ReasonScopeInsufficient:
		return verdict{codes.PermissionDenied, "the token lacks a scope that this method needs"}
	case ReasonClaimRequired:
		return verdict{codes.PermissionDenied, "the token lacks a claim that this method needs"}
	case ReasonIssuerNotAllowed:
		return verdict{codes.PermissionDenied, "the token's issuer is not allowed to call this method"}
	case ReasonTooOld:
		return verdict{codes.Unauthenticated, "the token was issued too long ago for this method"}
	case ReasonPeerNotAllowed:
		return verdict{codes.PermissionDenied, "the calling service is not allowed to call this method"}
	case ReasonCallNotAllowed:
		return verdict{codes.PermissionDenied, "the caller is not allowed to call this method"}
	case ReasonPolicyUnavailable:
		return verdict{codes.Unavailable, "whether the caller is allowed to call this method is not known now"}
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
