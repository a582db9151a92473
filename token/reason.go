package token

import "errors"

// Reason says why a token was refused. The values are part of the wire
// protocol: gRPC errors carry them as ErrorInfo.reason.
type Reason string

// The reasons of this package and, for Missing, of those that look for a token
// in a call. All are verdicts on the token, and mean Unauthenticated, except the
// last three, which say that there is none: two mean Unavailable, and the last
// ResourceExhausted.
const (
	ReasonMissing          Reason = "TOKEN_MISSING"       // the call carries no token
	ReasonMalformed        Reason = "TOKEN_MALFORMED"     // not a JWT: shape, encoding or JSON
	ReasonTooLarge         Reason = "TOKEN_TOO_LARGE"     // over the size limit; not looked at
	ReasonUnsupported      Reason = "TOKEN_UNSUPPORTED"   // alg, typ, crit, or bound to a key (cnf)
	ReasonKeyUnknown       Reason = "KEY_UNKNOWN"         // the issuer has no such key
	ReasonSignatureInvalid Reason = "SIGNATURE_INVALID"   // not signed by the key it names
	ReasonExpired          Reason = "TOKEN_EXPIRED"       // exp and the leeway have passed
	ReasonNotYetValid      Reason = "TOKEN_NOT_YET_VALID" // nbf or iat lies in the future
	ReasonIssuerMismatch   Reason = "ISSUER_MISMATCH"     // iss is none of ours
	ReasonAudienceMismatch Reason = "AUDIENCE_MISMATCH"   // meant for somebody else
	ReasonClaimsInvalid    Reason = "CLAIMS_INVALID"      // a claim is missing, of the wrong type, or of another kind of token
	ReasonRevoked          Reason = "TOKEN_REVOKED"       // ended early
	ReasonKeysUnavailable  Reason = "KEYS_UNAVAILABLE"    // can't tell now: no keys

	// Can't tell now whether it has been revoked.
	ReasonRevocationsUnavailable Reason = "REVOCATIONS_UNAVAILABLE"

	// The call ended before it was the token's turn, see [MaxConcurrentVerifications].
	ReasonOverloaded Reason = "VERIFIER_OVERLOADED"
)

// ReasonOf returns the reason of the [*Error] in err's chain, and "" if there
// is none. Errors that gRPC brought from elsewhere have none: RefusalFrom of
// package interceptor reads these too.
func ReasonOf(err error) Reason {
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		return e.reason
	}
	return ""
}

// text is the public sentence of a reason.
func (r Reason) text() string {
	switch r {
	case ReasonMissing:
		return "no token was sent"
	case ReasonMalformed:
		return "the token is malformed"
	case ReasonTooLarge:
		return "the token is too large"
	case ReasonUnsupported:
		return "the token is of a kind that is not supported"
	case ReasonKeyUnknown:
		return "the token's key is not known"
	case ReasonSignatureInvalid:
		return "the token's signature is invalid"
	case ReasonExpired:
		return "the token has expired"
	case ReasonNotYetValid:
		return "the token is not valid yet"
	case ReasonIssuerMismatch:
		return "the token's issuer is not trusted"
	case ReasonAudienceMismatch:
		return "the token is not meant for this service"
	case ReasonClaimsInvalid:
		return "the token's claims are invalid"
	case ReasonRevoked:
		return "the token has been revoked"
	case ReasonKeysUnavailable:
		return "the token can't be verified now"
	case ReasonRevocationsUnavailable:
		return "whether the token has been revoked can't be told now"
	case ReasonOverloaded:
		return "the token can't be verified in time: there are too many"
	default:
		return "the token was refused"
	}
}
